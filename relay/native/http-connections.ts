import { validateHeaderName, validateHeaderValue } from 'node:http';
import { connect, type Socket } from 'node:net';
import { abortError } from '#lib/base/abort.ts';
import type { ServerRequest } from '#lib/engine/remote/server-url.ts';
import { createAnswerReader, type AnswerHead, type AnswerReader } from './http-answer.ts';

/** An answer whose body is read once, as it comes. Leaving it early closes the connection, unless it has arrived whole. */
export interface HttpAnswer extends AnswerHead {
  readonly body: AsyncIterable<Uint8Array>;
}

/** Connections to servers of plain HTTP/1.1, kept for the next request. */
export interface HttpConnections {
  /**
   * One request and its answer. An abort ends the connection, unless the answer has arrived whole.
   * @throws what the socket does, `ECONNRESET` where the server closes it before an answer, and `bad-http`.
   */
  send(url: URL, request: Omit<ServerRequest, 'redirect'>): Promise<HttpAnswer>;
}

/** Of one server; as many as one may have slots. */
const idleMax = 256;
/** What is kept of a body that nobody reads, before its server has to wait. */
const unreadBytesMax = 64 * 1024;
/** A server that says how long it keeps a connection may close it a moment earlier than we hear of it. */
const closeMarginMs = 1_000;

export function createHttpConnections(): HttpConnections {
  const idle = new Map<string, Connection[]>();

  const take = (url: URL): Connection => {
    const connections = idle.get(url.host) ?? [];
    idle.set(url.host, connections);
    for (let last = connections.pop(); last; last = connections.pop()) {
      if (last.isFresh()) return last;
      last.destroy();
    }
    return createConnection(url, connections);
  };

  return {
    async send(url, { method = 'GET', headers, body = '', signal }) {
      signal?.throwIfAborted();
      const size = method === 'GET' ? '' : `content-length: ${Buffer.byteLength(body)}\r\n`;
      const start = `${method} ${url.pathname}${url.search} HTTP/1.1\r\nhost: ${url.host}\r\n`;
      // One write: head and body mostly fit one packet.
      return take(url).send(`${start}${writeHeaders(headers)}${size}connection: keep-alive\r\n\r\n${body}`, signal);
    },
  };
}

function writeHeaders(headers: Readonly<Record<string, string>>): string {
  let text = '';
  for (const [name, value] of Object.entries(headers)) {
    validateHeaderName(name);
    validateHeaderValue(name, value);
    text += `${name}: ${value}\r\n`;
  }
  return text;
}

interface Connection {
  send(request: string, signal: AbortSignal | undefined): Promise<HttpAnswer>;
  /** Whether its server should still have it open. */
  isFresh(): boolean;
  destroy(): void;
}

/** A request that runs. */
interface Exchange {
  readonly reader: AnswerReader;
  fail(error: Error): void;
}

function createConnection(url: URL, idle: Connection[]): Connection {
  const socket = connect({
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? 80 : Number(url.port),
    noDelay: true,
    keepAlive: true,
  });
  let exchange: Exchange | undefined;
  let keptUntilMs = Infinity;

  const fail = (error: Error) => {
    const failed = exchange;
    exchange = undefined;
    socket.destroy();
    failed?.fail(error);
  };
  const self: Connection = {
    isFresh: () => !socket.destroyed && socket.readable && performance.now() < keptUntilMs,
    destroy: () => socket.destroy(),
    send(request, signal) {
      socket.ref();
      return new Promise((resolve, reject) => {
        const body = createBody(socket, () => fail(new Error('The rest of the answer was not wanted.')));
        const onAbort = () => fail(abortError(signal!));
        const over = () => {
          exchange = undefined;
          signal?.removeEventListener('abort', onAbort);
        };
        exchange = {
          reader: createAnswerReader({
            onHead(head) {
              keptUntilMs = keptUntil(head.headers);
              resolve({ ...head, body: { [Symbol.asyncIterator]: () => body.iterator } });
            },
            onBody: body.add,
            onEnd(reusable) {
              over();
              if (reusable && socket.writableLength === 0 && idle.length < idleMax) rest();
              else socket.destroy();
              body.end();
            },
          }),
          fail(error) {
            over();
            reject(error);
            body.fail(error);
          },
        };
        signal?.addEventListener('abort', onAbort, { once: true });
        socket.write(request);
      });
    },
  };
  const rest = () => {
    // An idle connection keeps no program alive, and is read, so that its end is heard.
    socket.unref();
    socket.resume();
    idle.push(self);
  };

  socket.on('data', (bytes: Buffer) => {
    // What nobody asked for.
    if (!exchange) return void socket.destroy();
    try {
      exchange.reader.read(bytes);
    } catch (error) {
      fail(error as Error);
    }
  });
  socket.on('error', fail);
  socket.on('end', () => {
    try {
      if (exchange?.reader.close() !== true) fail(hungUp());
    } catch (error) {
      fail(error as Error);
    }
  });
  socket.on('close', () => {
    const at = idle.indexOf(self);
    if (at >= 0) idle.splice(at, 1);
    fail(hungUp());
  });
  return self;
}

const hungUp = (): Error =>
  Object.assign(new Error('The server closed the connection before its answer was whole.'), { code: 'ECONNRESET' });

function keptUntil(headers: AnswerHead['headers']): number {
  const seconds = /\btimeout=(\d{1,6})\b/i.exec(headers.get('keep-alive') ?? '')?.[1];
  return seconds === undefined ? Infinity : performance.now() + Number(seconds) * 1_000 - closeMarginMs;
}

/** What has come of a body, for one reader; the server waits where it does not read. `onLeave`: it left before the end. */
function createBody(socket: Socket, onLeave: () => void) {
  let unread: Uint8Array[] = [];
  let unreadBytes = 0;
  let failure: Error | undefined;
  let isOver = false;
  let waiting: { resolve(result: IteratorResult<Uint8Array>): void; reject(error: Error): void } | undefined;

  const iterator: AsyncIterator<Uint8Array> = {
    next() {
      if (unread.length > 0) {
        const value = unread.length === 1 ? unread[0]! : Buffer.concat(unread);
        unread = [];
        if (unreadBytes > unreadBytesMax && !isOver) socket.resume();
        unreadBytes = 0;
        return Promise.resolve({ done: false, value });
      }
      if (failure) return Promise.reject(failure);
      if (isOver) return Promise.resolve(over);
      return new Promise((resolve, reject) => {
        waiting = { resolve, reject };
      });
    },
    return() {
      unread = [];
      const isEarly = !isOver && !failure;
      isOver = true;
      failure = undefined;
      waiting?.resolve(over);
      waiting = undefined;
      if (isEarly) onLeave();
      return Promise.resolve(over);
    },
  };
  return {
    iterator,
    add(value: Uint8Array) {
      if (waiting) {
        waiting.resolve({ done: false, value });
        waiting = undefined;
        return;
      }
      unread.push(value);
      unreadBytes += value.length;
      if (unreadBytes > unreadBytesMax) socket.pause();
    },
    end() {
      isOver = true;
      waiting?.resolve(over);
      waiting = undefined;
    },
    fail(error: Error) {
      if (isOver) return;
      failure = error;
      waiting?.reject(error);
      waiting = undefined;
    },
  };
}

const over: IteratorResult<never> = { done: true, value: undefined };
