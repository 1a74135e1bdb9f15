import type { Socket } from 'node:net';
import { createHttpServer, watchTimes, type HttpHandlers } from './server.ts';

/** Serves connections that another process has accepted. */
export interface HandedOverServer {
  accept(socket: Socket): void;
  /** Closes connections that are idle; open requests continue. */
  drain(): void;
  /** Closes everything that is still open. */
  close(): Promise<void>;
}

/** Time for the last frames to be sent; connections that are idle by then are closed at once. */
const closeGraceMs = 500;
const sweepMs = 20;

export function createHandedOverServer(handlers: HttpHandlers): HandedOverServer {
  const open = new Set<Socket>();
  const server = createHttpServer({
    ...handlers,
    onUpgrade(request, socket, head) {
      open.delete(socket as Socket);
      handlers.onUpgrade(request, socket, head);
    },
  });
  watchTimes(server);
  return {
    accept(socket) {
      // As the server's own are: a client that closes only its own half still gets its answer.
      socket.allowHalfOpen = true;
      open.add(socket);
      socket.once('close', () => open.delete(socket));
      server.emit('connection', socket);
    },
    drain: () => server.closeIdleConnections(),
    async close() {
      const overtime = AbortSignal.timeout(closeGraceMs);
      while (open.size > 0 && !overtime.aborted) {
        server.closeIdleConnections();
        await new Promise((resolve) => setTimeout(resolve, sweepMs));
      }
      for (const socket of open) socket.destroy();
      server.close();
    },
  };
}
