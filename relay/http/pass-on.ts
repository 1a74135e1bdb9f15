import { Agent, request as askServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { errorBody } from './error-body.ts';
import type { ResolveClientAddress } from './client-address.ts';

/**
 * Where a request came from that one process passes on to another: host and port of the client's socket. It is believed on the private
 * socket alone, and what a client writes there itself is taken out.
 */
const socketHeader = 'x-tabloom-socket';

/** Connections to the other process; further requests wait for one. */
const connectionsMax = 1_024;

/** Of one connection, not of the message (RFC 9110, 7.6.1). An upgrade that is not one of ours is ignored, as elsewhere. */
const notPassed: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'upgrade', 'expect', socketHeader]);

/** Passes requests on to the server at a Unix socket, as they come: bodies and answers stream, and whoever leaves is missed on the other side. */
export interface PassOn {
  (request: IncomingMessage, response: ServerResponse): void;
  close(): void;
}

export function createPassOn(socketPath: string): PassOn {
  const agent = new Agent({ keepAlive: true, maxSockets: connectionsMax });
  const passOn = (request: IncomingMessage, response: ServerResponse) => {
    const { method, url: path, socket, rawHeaders } = request;
    const headers = [...passed(rawHeaders), socketHeader, `${socket.remoteAddress ?? ''} ${socket.remotePort ?? 0}`];
    const asked = askServer({ socketPath, agent, method, path, headers, setHost: false });
    asked.on('response', (answer) => {
      response.sendDate = false;
      response.writeHead(answer.statusCode!, answer.statusMessage!, passed(answer.rawHeaders));
      // Headers of an event stream are an answer before its first event.
      response.flushHeaders();
      answer.pipe(response);
      answer.on('close', () => {
        if (!answer.complete) response.destroy();
      });
    });
    asked.on('error', () => {
      if (response.headersSent) return void response.destroy();
      response.writeHead(503, { 'content-type': 'application/json', 'retry-after': '1' });
      response.end(JSON.stringify(errorBody(503, { code: 'unavailable', message: 'Try again in a second.' })));
    });
    response.on('close', () => {
      if (!response.writableFinished) asked.destroy();
    });
    request.pipe(asked);
  };
  return Object.assign(passOn, { close: () => agent.destroy() });
}

/** Pairs of name and value, as Node lists them. */
function passed(raw: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at < raw.length; at += 2) {
    if (!notPassed.has(raw[at]!.toLowerCase())) kept.push(raw[at]!, raw[at + 1]!);
  }
  return kept;
}

/** Resolves the client of a request that was passed on, by the socket that it came from there. */
export function createPassedResolver(resolve: ResolveClientAddress): ResolveClientAddress {
  return ({ headers }) => {
    const [remoteAddress = '', port] = String(headers[socketHeader] ?? '').split(' ');
    return resolve({ headers, socket: { remoteAddress, remotePort: Number(port) } } as IncomingMessage);
  };
}
