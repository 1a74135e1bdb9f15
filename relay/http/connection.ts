import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { rawRefusal } from './error-body.ts';

/**
 * What Node's server leaves open about a connection: requests that cannot be parsed are refused in OpenAI's form, and a
 * client that closes only its own half still gets its answer.
 */
export function watchConnections(server: Server): void {
  // Undocumented, and the only way: without it Node ends our half as soon as the client has ended its own.
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
    // Into the middle of an answer nothing can be written.
    if (!socket.writable || answering.has(socket)) return void socket.destroy(error);
    const { status, ...said } = brokenRequests[error.code ?? ''] ?? malformed;
    socket.end(rawRefusal(status, said), () => socket.destroy());
  });
}

const probeIntervalMs = 500;

/**
 * Tells a client that closed its own half from one that has gone: both send the same FIN, but only one that has gone
 * resets the connection when something is written, and the next write fails. An interim response is something, and means
 * nothing. An answer that has begun needs no probe: its next pieces are. HTTP/1.0 knows no interim responses; there a
 * FIN is a farewell.
 */
function probe({ httpVersion, socket }: IncomingMessage, response: ServerResponse): void {
  if (httpVersion === '1.0') return void socket.destroy();
  const ask = () => {
    if (response.headersSent) clearInterval(timer);
    else response.writeProcessing();
  };
  const timer = setInterval(ask, probeIntervalMs);
  response.once('close', () => clearInterval(timer));
  ask();
}

interface BrokenRequest {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

const malformed: BrokenRequest = {
  status: 400,
  code: 'bad-http',
  message: 'This is not a valid HTTP/1.1 request. Check the client or the proxy between.',
};

const brokenRequests: Readonly<Record<string, BrokenRequest>> = {
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
