import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { readText } from '#lib/engine/remote/chunk.ts';
import { callServer, type ServerFetch } from '#lib/engine/remote/server-url.ts';
import { createServerFetch } from '../../../relay/native/server-fetch.ts';

const clients = [
  ['the platform’s fetch', globalThis.fetch],
  ['the relay’s own client', createServerFetch()],
] as const;

/** Answers the first `answered` requests of each connection and breaks it at the next, before a byte is sent. */
async function startServer(fetch: ServerFetch, answeredOn: (connection: number) => number) {
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
  const address = { baseUrl: `http://127.0.0.1:${port}/v1`, fetch };
  return {
    ask: async () => readText(await callServer(address, 'models', {})),
    seen: () => ({ connections, requests }),
  };
}

let running: { readonly server: Server; readonly sockets: ReadonlySet<Socket> } | undefined;
afterEach(async () => {
  for (const socket of running?.sockets ?? []) socket.destroy();
  await new Promise((resolve) => running?.server.close(resolve));
  running = undefined;
});

test.each(clients)('C6: with %s, a request over a connection that was just closed is sent again', async (_, fetch) => {
  const { ask, seen } = await startServer(fetch, () => 1);
  expect(await ask()).toBe('{}');
  // The connection is back in the pool by then.
  await nextTurn();
  expect(await ask()).toBe('{}');
  expect(seen()).toEqual({ connections: 2, requests: 3 });
});

test.each(clients)('with %s, a server that breaks every connection is asked twice, not for ever', async (_, fetch) => {
  const { ask, seen } = await startServer(fetch, () => 0);
  await expect(ask()).rejects.toThrow();
  expect(seen()).toEqual({ connections: 2, requests: 2 });
});
