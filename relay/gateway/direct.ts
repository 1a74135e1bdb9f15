import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from '#lib/base/logger.ts';
import { readIncoming } from '../http/read-incoming.ts';
import type { Guard } from '../http/guard.ts';
import { callerOfKey, callerWithoutKey, type AccessComponents } from './access.ts';
import type { Caller, HeaderReader } from './caller.ts';
import type { Credits, PayableRequest } from './credits.ts';
import { errorReply } from './error-reply.ts';
import { gatewayLimits } from './limits.ts';
import type { RateLimits } from './rate-limits.ts';
import type { JobCall, JobReply } from './routes/generate.ts';
import { sendFrames } from './send-frames.ts';

/**
 * Answers a request for a job on Node's own objects, where it is such as programs send: its path written as in the reference,
 * no page behind it, each header once, and a body of a known size. False for any other, which has not been touched and goes
 * through the routes.
 */
export type AnswerDirectly = (
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  client: string,
  /** Called later instead, where it turns out that the request is to go through the routes after all. */
  otherwise: () => void,
) => boolean;

export interface DirectComponents extends AccessComponents {
  readonly guard: Guard;
  readonly rates: RateLimits;
  readonly credits: Credits | undefined;
  readonly logger: Logger;
  /** Whether a caller may ask at all. @throws as `requireKey` does. */
  readonly admit: (caller: Caller, headersOf: () => Headers) => void;
  readonly answers: Readonly<Record<string, (call: JobCall) => Promise<JobReply>>>;
  readonly allowed: (path: string) => string;
  /** What every response of the API carries, once its status is known. */
  readonly label: (path: string, status: number, isNamed: boolean) => readonly (readonly [string, string])[];
}

/**
 * The routes' middleware makes a request and a response of the web and copies of their headers, which costs about as much as
 * all that is decided there. What is decided is the same code here: this only carries it.
 */
export function createDirectAnswers(components: DirectComponents): AnswerDirectly {
  const { guard, rates, answers } = components;

  const answer = async (outgoing: ServerResponse, call: JobCall) => {
    const { path, rate, left } = call;
    let status = 200;
    let body: string | undefined;
    let reply: JobReply | undefined;
    const headers: Record<string, string> = {};
    const add = (name: string, value: string) => {
      headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
    };
    try {
      reply = await answers[path]!(call);
      Object.assign(headers, reply.headers);
      if (reply.type === 'whole') body = reply.body;
    } catch (error) {
      const failed = await errorReply(error, { ...components, path, payable: call.payable });
      ({ status, body } = failed);
      for (const [name, value] of failed.headers) add(name, value);
    }
    if (rate) Object.assign(headers, rate.headers());
    for (const [name, value] of components.label(path, status, headers['x-request-id'] !== undefined)) add(name, value);
    add('vary', 'Origin');
    if (reply?.type === 'streamed') {
      return sendFrames(outgoing, { status, headers: Object.entries(headers) }, reply.frames);
    }
    headers['content-length'] = String(Buffer.byteLength(body!));
    if (!left.signal.aborted) outgoing.writeHead(status, headers).end(body);
  };

  const begin = (incoming: IncomingMessage, outgoing: ServerResponse, headers: HeaderReader, caller: Caller) => {
    const left = new AbortController();
    outgoing.once('close', () => {
      if (!outgoing.writableFinished) left.abort();
    });
    const call: JobCall = {
      path: incoming.url!,
      headers,
      body: { [Symbol.asyncIterator]: () => readIncoming(incoming) },
      caller,
      rate: rates.of(caller),
      left,
      payable: () => payableOf(incoming),
    };
    // What is left is a bug, or the terms of a payment that cannot be made: nothing has been written.
    answer(outgoing, call).catch((error: unknown) => {
      components.logger.warn('request-failed', { kind: (error as Error).name, path: call.path });
      outgoing.destroy();
    });
  };

  return (incoming, outgoing, client, otherwise) => {
    const { method, url = '' } = incoming;
    if (method !== 'POST' || !Object.hasOwn(answers, url)) return false;
    const headers = plainHeaders(incoming);
    if (!headers || headers.has('origin') || !isPlainBody(headers)) return false;
    const host = headers.get('host') ?? undefined;
    const fetchSite = headers.get('sec-fetch-site') ?? undefined;
    if (!guard.checkHost(host).allowed) return false;
    if (!guard.checkOrigin({ host, origin: undefined, fetchSite, method }).allowed) return false;
    const enter = (caller: Caller): boolean => {
      try {
        components.admit(caller, () => payableOf(incoming).headers);
      } catch {
        return false;
      }
      begin(incoming, outgoing, headers, caller);
      return true;
    };
    const caller = callerWithoutKey(headers, client);
    if (caller) return enter(caller);
    // A key that is refused is refused by the routes.
    void callerOfKey(components, headers, client).then((known) => enter(known) || otherwise(), otherwise);
    return true;
  };
}

/** Undefined where one occurs twice: Node and the web make different values of that. */
function plainHeaders({ headers, rawHeaders }: IncomingMessage): HeaderReader | undefined {
  if (Object.keys(headers).length * 2 !== rawHeaders.length) return undefined;
  const get = (name: string) => {
    const value = headers[name];
    return typeof value === 'string' ? value : null;
  };
  return { get, has: (name) => headers[name] !== undefined };
}

/** What the routes refuse, unpack, or read without knowing how long it is, they see themselves. */
function isPlainBody(headers: HeaderReader): boolean {
  const length = headers.get('content-length');
  return (
    length !== null &&
    Number(length) <= gatewayLimits.bodyBytesMax &&
    !headers.has('content-encoding') &&
    !headers.has('expect') &&
    /^application\/json *(;|$)/i.test(headers.get('content-type') ?? '')
  );
}

/** As a request of the web says it. */
function payableOf({ headers, rawHeaders, method = 'GET', url = '/' }: IncomingMessage): PayableRequest {
  const pairs: [string, string][] = [];
  for (let at = 0; at < rawHeaders.length; at += 2) pairs.push([rawHeaders[at]!, rawHeaders[at + 1]!]);
  return { url: `http://${headers.host}${url}`, method, headers: new Headers(pairs) };
}
