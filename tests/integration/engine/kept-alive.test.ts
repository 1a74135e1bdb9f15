import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { errorCode } from '#lib/base/errors.ts';
import { callServer } from '#lib/engine/remote/server-url.ts';

/** Answers the first `answered` requests of each connection and breaks it at the next, before a byte is sent. */
async function startServer(answeredOn: (connection: number) => number) {
  let connections = 0;
  let requests = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let left = answeredOn(++connections);
    socket
      .on('error', () => undefined)
      .on('data', () => {
        requests++;
        if (left-- > 0) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: keep-alive\r\n\r\n{}');
        else socket.destroy();
      });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  running = { server, sockets };
  const { port } = server.address() as AddressInfo;
  const address = { baseUrl: `http://127.0.0.1:${port}/v1`, fetch: globalThis.fetch };
  return {
    ask: async () => (await callServer(address, 'models', { method: 'GET' })).text(),
    seen: () => ({ connections, requests }),
  };
}

let running: { readonly server: Server; readonly sockets: ReadonlySet<Socket> } | undefined;
afterEach(async () => {
  for (const socket of running?.sockets ?? []) socket.destroy();
  await new Promise((resolve) => running?.server.close(resolve));
  running = undefined;
});

test('C6: a request over a connection that the server has just closed is sent once more', async () => {
  const { ask, seen } = await startServer(() => 1);
  expect(await ask()).toBe('{}');
  // The connection is back in the pool by then.
  await nextTurn();
  expect(await ask()).toBe('{}');
  expect(seen()).toEqual({ connections: 2, requests: 3 });
});

test('a server that breaks every connection is asked twice, not for ever', async () => {
  const { ask, seen } = await startServer(() => 0);
  expect(await ask().catch(errorCode)).toBe('internal');
  expect(seen()).toEqual({ connections: 2, requests: 2 });
});
