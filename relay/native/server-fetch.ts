import { Agent, request as requestHttps } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { rootCertificates } from 'node:tls';
import { createBrotliDecompress, createUnzip } from 'node:zlib';
import { abortError } from '#lib/base/abort.ts';
import type { ServerFetch, ServerRequest } from '#lib/engine/remote/server-url.ts';
import { readIncoming } from '../http/read-incoming.ts';
import { createHttpConnections } from './http-connections.ts';

/**
 * What the engine needs of `fetch`, over connections that are kept alive: our own for plain HTTP, Node's client for TLS. The
 * platform's `fetch` takes a third of the processor time of a short answer, for what is not used here: streams of the web,
 * redirects.
 * `authorities` (PEM) may sign the certificates of servers, besides those that Node knows.
 */
export function createServerFetch({ authorities }: { readonly authorities?: string } = {}): ServerFetch {
  const tls = authorities === undefined ? {} : { ca: [...rootCertificates, authorities] };
  const agent = new Agent({ keepAlive: true, ...tls });
  const plain = createHttpConnections();
  return async (url, init) => {
    init.signal?.throwIfAborted();
    const { status, headerOf, body, leave } =
      url.protocol === 'https:' ? await sendOverTls(url, init, agent) : await sendPlain(url, init);
    if (status >= 300 && status < 400) {
      leave();
      throw new TypeError('The server redirects, which is not followed.');
    }
    return {
      ok: status >= 200 && status < 300,
      status,
      headers: { get: (name) => headerOf(name.toLowerCase()) },
      body: body(),
    };
  };

  async function sendPlain(url: URL, init: ServerRequest): Promise<Answer> {
    const { status, headers, body } = await plain.send(url, init);
    const leave = () => void body[Symbol.asyncIterator]().return?.();
    return {
      status,
      headerOf: (name) => headers.get(name) ?? null,
      leave,
      body() {
        const unpack = unpackerOf(headers.get('content-encoding'));
        return unpack ? unpacked(Readable.from(body), unpack, leave) : body;
      },
    };
  }
}

interface Answer {
  readonly status: number;
  headerOf(name: string): string | null;
  body(): AsyncIterable<Uint8Array>;
  /** Where the body is not read. */
  leave(): void;
}

async function sendOverTls(url: URL, init: ServerRequest, agent: Agent): Promise<Answer> {
  const response = await request(url, init, agent);
  return {
    status: response.statusCode ?? 0,
    headerOf(name) {
      const value = response.headers[name];
      return Array.isArray(value) ? value.join(', ') : (value ?? null);
    },
    body: () => bodyOf(response),
    leave: () => response.destroy(),
  };
}

/** An abort ends the connection, whether the response has begun or not, until its body has been read. */
function request(url: URL, { method, headers, body, signal }: ServerRequest, agent: Agent): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sized = body === undefined ? headers : { ...headers, 'content-length': String(Buffer.byteLength(body)) };
    const sent = requestHttps(url, { method: method ?? 'GET', headers: sized, agent });
    let answer: IncomingMessage | undefined;
    // Once the response has arrived whole, the connection is the next request's.
    const onAbort = () => {
      if (answer?.complete !== true) sent.destroy(abortError(signal!));
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    sent.on('response', (response: IncomingMessage) => {
      answer = response;
      resolve(response);
    });
    sent.on('error', reject);
    sent.on('close', () => signal?.removeEventListener('abort', onAbort));
    sent.end(body);
  });
}

/**
 * Leaving it before the end closes the connection, which is how a server is told to stop; one whose response has arrived whole
 * is kept.
 */
function bodyOf(response: IncomingMessage): AsyncIterable<Uint8Array> {
  const leave = () => {
    if (response.complete) response.resume();
    else response.destroy();
  };
  const unpack = unpackerOf(response.headers['content-encoding']);
  if (unpack) return unpacked(response, unpack, leave);
  const body = readIncoming(response, leave);
  return { [Symbol.asyncIterator]: () => body };
}

/** Some servers and proxies compress without being asked to. */
function unpackerOf(encoding: string | undefined) {
  if (encoding === 'gzip' || encoding === 'deflate') return createUnzip;
  return encoding === 'br' ? createBrotliDecompress : undefined;
}

function unpacked(
  packed: Readable,
  unpack: NonNullable<ReturnType<typeof unpackerOf>>,
  leave: () => void,
): AsyncIterable<Uint8Array> {
  const source = unpack();
  packed.on('error', (error) => source.destroy(error));
  const body = readIncoming(packed.pipe(source), leave);
  return { [Symbol.asyncIterator]: () => body };
}
