import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TabloomError } from '#lib/base/errors.ts';
import { rawErrorResponse } from './error-body.ts';
import type { ConnectionLimits } from './connection-limits.ts';
import { tooMany, type UpgradeHandler } from './upgrade.ts';

/** The relay's public port. */
export interface HttpServer {
  readonly port: number;
  /** Stops accepting connections; open requests continue. */
  drain(): void;
  /** Closes everything that is still open. */
  close(): Promise<void>;
}

export interface HttpServerOptions {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  readonly onRequest: (request: IncomingMessage, response: ServerResponse) => void;
  readonly upgrades: UpgradeHandler;
  /** By the address of the socket, whatever it carries. */
  readonly limits: ConnectionLimits;
  /** Trusted proxies, whose sockets are those of many clients. */
  readonly isProxy: (address: string) => boolean;
  /** Gives connections to other processes; without it, this one serves all of them. */
  readonly share?: ShareConnection | undefined;
}

/** Takes a connection of which nothing was read yet; false where this process is to serve it. */
export type ShareConnection = (connection: SharedConnection) => boolean;

export interface SharedConnection {
  /** Paused. Whoever takes it destroys it when another process has it. */
  readonly socket: Socket;
  /** To be called when it is closed, wherever that is. */
  release(): void;
  /** Serves it here after all. */
  serve(): void;
}

/** Sockets of the public port, of any kind. */
export const connectionsMax = 16_384;

const serverLimits = {
  headersMs: 15_000,
  /** For a whole request with its body; responses are not limited. */
  requestMs: 60_000,
  keepAliveMs: 20_000,
  headersBytesMax: 16 * 1024,
} as const;

/** @throws `port-in-use`, `port-not-allowed`, `host-not-here`. */
export async function listen({ host, port, onRequest, upgrades, ...access }: HttpServerOptions): Promise<HttpServer> {
  const server = createHttpServer({ onRequest, onUpgrade: upgrades.onUpgrade });
  const front = access.share ? createFront(server, access, access.share) : server;
  if (front === server) {
    server.prependListener('connection', (socket: Socket) => {
      const release = admit(socket, access);
      if (release) socket.once('close', release);
    });
  }
  front.maxConnections = connectionsMax;
  await new Promise<void>((resolve, reject) => {
    front.once('error', (error: NodeJS.ErrnoException) => reject(listenError(error, host, port)));
    front.listen({ host: host.replace(/^\[|\]$/g, ''), port }, resolve);
  });
  return {
    port: (front.address() as AddressInfo).port,
    drain() {
      front.close();
      server.closeIdleConnections();
    },
    close: () => closeAll(server, front, upgrades),
  };
}

export interface HttpHandlers {
  readonly onRequest: (request: IncomingMessage, response: ServerResponse) => void;
  readonly onUpgrade: UpgradeHandler['onUpgrade'];
}

/** Serves sockets as the relay's port does, wherever they come from. */
export function createHttpServer({ onRequest, onUpgrade }: HttpHandlers): Server {
  const server = createServer(
    {
      headersTimeout: serverLimits.headersMs,
      requestTimeout: serverLimits.requestMs,
      keepAliveTimeout: serverLimits.keepAliveMs,
      maxHeaderSize: serverLimits.headersBytesMax,
      noDelay: true,
      shouldUpgradeCallback: isWebSocket,
    },
    onRequest,
  );
  server.on('upgrade', onUpgrade);
  watchConnections(server);
  return server;
}

/** Accepts connections for a server that listens nowhere itself. */
function createFront(server: Server, access: Access, share: ShareConnection): TcpServer {
  watchTimes(server);
  return createTcpServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }, (socket) => {
    // Until somebody reads it, nobody else would hear of a reset.
    socket.on('error', () => socket.destroy());
    const release = admit(socket, access);
    if (!release) return;
    const serve = () => {
      socket.once('close', release);
      if (socket.destroyed) return release();
      server.emit('connection', socket);
      socket.resume();
    };
    if (!share({ socket, release, serve })) serve();
  });
}

/** Begins what a server otherwise does when it listens: it watches how long requests take to arrive. */
export const watchTimes = (server: Server): void => void server.emit('listening');

type Access = Pick<HttpServerOptions, 'limits' | 'isProxy'>;

/**
 * A refused socket is told why and closed; what it sends is not read, so that it costs nothing more.
 * @returns what gives its place back; undefined where it is refused.
 */
function admit(socket: Socket, { limits, isProxy }: Access): (() => void) | undefined {
  const address = socket.remoteAddress ?? '';
  if (isProxy(address)) return () => undefined;
  const place = limits.admit(address);
  if (place) return place.release;
  socket.end(rawErrorResponse(429, tooMany), () => socket.destroy());
  return undefined;
}

/**
 * Any other upgrade is ignored, as HTTP allows (RFC 9110, 7.8): `h2c`, which Java's client and `curl --http2` request, is
 * answered in HTTP/1.1.
 */
const isWebSocket = ({ method, headers }: IncomingMessage): boolean =>
  method === 'GET' && /(^|,)\s*websocket\s*(,|$)/i.test(headers.upgrade ?? '');

/** Time for the last frames to be sent; connections that are idle by then are closed at once. */
const closeGraceMs = 500;

async function closeAll(server: Server, front: TcpServer, upgrades: UpgradeHandler): Promise<void> {
  upgrades.close();
  // Also resolves if it was drained before. A front counts what it has left to the server.
  const closed = new Promise<void>((resolve) => front.close(() => resolve()));
  const sweep = setInterval(() => server.closeIdleConnections(), 20);
  const overtime = setTimeout(() => server.closeAllConnections(), closeGraceMs);
  await closed;
  clearInterval(sweep);
  clearTimeout(overtime);
  server.close();
}

function listenError(cause: NodeJS.ErrnoException, host: string, port: number): TabloomError {
  const say = (code: string, message: string) => new TabloomError(code, message, { cause, details: { host, port } });
  switch (cause.code) {
    case 'EADDRINUSE':
      return say('port-in-use', `Port ${port} is taken. Choose another with --port, or stop what uses it.`);
    case 'EACCES':
      return say('port-not-allowed', `Port ${port} needs more rights. Choose one above 1023 with --port.`);
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return say('host-not-here', `This machine has no address ${host}. Choose another with --host.`);
    default:
      return say('listen-failed', `${host}:${port} cannot be listened on (${cause.code ?? cause.message}).`);
  }
}

/**
 * Handles what Node's server leaves to us: requests that cannot be parsed get an OpenAI error body, and a client that
 * closes only its own half still gets its answer.
 */
function watchConnections(server: Server): void {
  // Undocumented, but the only way: otherwise Node closes our half as soon as the client closes its own.
  Object.assign(server, { httpAllowHalfOpen: true });
  const answering = new WeakSet<Duplex>();

  server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request;
    const onEnd = () => probe(request, response);
    answering.add(socket);
    socket.once('end', onEnd);
    response.once('close', () => {
      answering.delete(socket);
      socket.off('end', onEnd);
    });
  });

  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // An error cannot be written into the middle of a response.
    if (!socket.writable || answering.has(socket)) return void socket.destroy(error);
    const { status, ...body } = parseFailures[error.code ?? ''] ?? malformed;
    socket.end(rawErrorResponse(status, body), () => socket.destroy());
  });
}

const probeIntervalMs = 500;

/**
 * Distinguishes a client that closed its own half from one that is gone. Both send the same FIN, but only the latter
 * resets the connection on a write, so that the next write fails. An interim response is a write without meaning, and so
 * is a comment between the events of a stream, which may be silent for as long as a prompt takes. Any other response that
 * has started needs no probe, since its own chunks do the same. HTTP/1.0 has no interim responses; there a FIN means the
 * client is gone.
 */
function probe({ httpVersion, socket }: IncomingMessage, response: ServerResponse): void {
  if (httpVersion === '1.0') return void socket.destroy();
  const ask = () => {
    if (!response.headersSent) response.writeProcessing();
    else if (isEventStream(response) && !response.writableEnded) response.write(': ping\n\n');
    else clearInterval(timer);
  };
  const timer = setInterval(ask, probeIntervalMs);
  response.once('close', () => clearInterval(timer));
  ask();
}

/** Undocumented, but what `writeHead` was given is kept nowhere else. Whoever streams events writes each of them whole. */
function isEventStream(response: ServerResponse): boolean {
  const { _header: header } = response as { readonly _header?: string | null };
  return /^content-type: *text\/event-stream/im.test(header ?? '');
}

interface ParseFailure {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

const malformed: ParseFailure = {
  status: 400,
  code: 'bad-http',
  message: 'This is not a valid HTTP/1.1 request. Check the client or the proxy between.',
};

const parseFailures: Readonly<Record<string, ParseFailure>> = {
  HPE_HEADER_OVERFLOW: {
    status: 431,
    code: 'headers-too-large',
    message: 'The headers of a request have at most 16384 bytes. Send fewer or shorter ones, cookies among them.',
  },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: {
    status: 413,
    code: 'body-too-large',
    message: 'The chunk extensions of the body are too long. Send it without them.',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    code: 'request-timeout',
    message: 'The request did not arrive in time. Send it again.',
  },
};
