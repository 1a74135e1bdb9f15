import { Agent as HttpAgent, request as requestHttp, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import type { Readable } from 'node:stream';
import { rootCertificates } from 'node:tls';
import { createBrotliDecompress, createUnzip } from 'node:zlib';
import { abortError } from '#lib/base/abort.ts';
import type { ServerFetch, ServerRequest } from '#lib/engine/remote/server-url.ts';
import { readIncoming } from '../http/read-incoming.ts';

/**
 * What the engine needs of `fetch`, over Node's own HTTP client with connections kept alive. The platform's `fetch` takes a
 * third of the processor time of a short answer, for what is not used here: streams of the web, redirects.
 * `authorities` (PEM) may sign the certificates of servers, besides those that Node knows.
 */
export function createServerFetch({ authorities }: { readonly authorities?: string } = {}): ServerFetch {
  const tls = authorities === undefined ? {} : { ca: [...rootCertificates, authorities] };
  const agents = { http: new HttpAgent({ keepAlive: true }), https: new HttpsAgent({ keepAlive: true, ...tls }) };
  return async (url, init) => {
    init.signal?.throwIfAborted();
    const response = await send(url, init, agents);
    const status = response.statusCode ?? 0;
    if (status >= 300 && status < 400) {
      response.destroy();
      throw new TypeError('The server redirects, which is not followed.');
    }
    return {
      ok: status >= 200 && status < 300,
      status,
      headers: { get: (name) => headerOf(response, name) },
      body: bodyOf(response),
    };
  };
}

interface Agents {
  readonly http: HttpAgent;
  readonly https: HttpsAgent;
}

/** An abort ends the connection, whether the response has begun or not, until its body has been read. */
function send(url: URL, { method, headers, body, signal }: ServerRequest, agents: Agents) {
  return new Promise<IncomingMessage>((resolve, reject) => {
    const sized = body === undefined ? headers : { ...headers, 'content-length': String(Buffer.byteLength(body)) };
    const options = { method: method ?? 'GET', headers: sized };
    const request =
      url.protocol === 'https:'
        ? requestHttps(url, { ...options, agent: agents.https })
        : requestHttp(url, { ...options, agent: agents.http });
    let answer: IncomingMessage | undefined;
    // Once the response has arrived whole, the connection is the next request's.
    const onAbort = () => {
      if (answer?.complete !== true) request.destroy(abortError(signal!));
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    request.on('response', (response: IncomingMessage) => {
      answer = response;
      resolve(response);
    });
    request.on('error', reject);
    request.on('close', () => signal?.removeEventListener('abort', onAbort));
    request.end(body);
  });
}

function headerOf({ headers }: IncomingMessage, name: string): string | null {
  const value = headers[name.toLowerCase()];
  return Array.isArray(value) ? value.join(', ') : (value ?? null);
}

/**
 * Leaving it before the end closes the connection, which is how a server is told to stop; one whose response has arrived whole
 * is kept.
 */
function bodyOf(response: IncomingMessage): AsyncIterable<Uint8Array> {
  const source = decoded(response);
  if (source !== response) response.on('error', (error) => source.destroy(error));
  const body = readIncoming(source, () => {
    if (response.complete) response.resume();
    else response.destroy();
  });
  return { [Symbol.asyncIterator]: () => body };
}

/** Some servers and proxies compress without being asked to. */
function decoded(response: IncomingMessage): Readable {
  const encoding = response.headers['content-encoding'];
  if (encoding === 'gzip' || encoding === 'deflate') return response.pipe(createUnzip());
  return encoding === 'br' ? response.pipe(createBrotliDecompress()) : response;
}
