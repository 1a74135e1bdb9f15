import { chmod, mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { TabloomError } from '#lib/base/errors.ts';
import { createHttpServer, type HttpHandlers } from './server.ts';

/** Of the address of a Unix socket, in bytes, on every system. */
const pathBytesMax = 103;

/** @throws `bad-setting` where the path is too long for a socket. */
export function checkSocketPath(path: string): void {
  if (Buffer.byteLength(path) <= pathBytesMax) return;
  const message = `DATA_DIR is too long for a socket in it: ${path} has more than ${pathBytesMax} bytes. Choose a shorter one.`;
  throw new TabloomError('bad-setting', message);
}

/**
 * Serves requests of this user's own processes at a Unix socket, which nobody else may connect to; its folder becomes
 * theirs alone. What another run has left there goes.
 * @throws `bad-setting` where the path is too long for a socket, `data-not-writable`.
 */
export async function listenPrivately(
  path: string,
  onRequest: HttpHandlers['onRequest'],
): Promise<{ close(): Promise<void> }> {
  checkSocketPath(path);
  // Nobody else comes past its folder, even before the socket has its own rights.
  await mkdir(dirname(path), { recursive: true });
  await chmod(dirname(path), 0o700);
  await rm(path, { force: true });
  const server = createHttpServer({ onRequest, onUpgrade: (_request, socket) => socket.destroy() });
  // They close what they do not need; a connection that ends here while it is used again there would cost a request.
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      reject(new TabloomError('data-not-writable', `There can be no socket at ${path}.`, { cause }));
    });
    server.listen({ path }, resolve);
  });
  await chmod(path, 0o600);
  return {
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
