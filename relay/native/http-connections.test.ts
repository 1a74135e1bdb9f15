import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createHttpConnections } from './http-connections.ts';

const undo: (() => void)[] = [];
afterEach(() => {
  for (const end of undo.splice(0)) end();
});

/** A server that says what it is told, to each request that has come whole. */
async function serve(onRequest: (socket: Socket, request: string, turn: number) => void) {
  const sockets: Socket[] = [];
  let turn = 0;
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => onRequest(socket, bytes.toString(), turn++));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  undo.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const { port } = server.address() as AddressInfo;
  return { url: new URL(`http://127.0.0.1:${port}/v1/x?y=%20z`), port, sockets };
}

const answer = (body: string, more = '') => `HTTP/1.1 200 OK\r\n${more}content-length: ${body.length}\r\n\r\n${body}`;

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  let text = '';
  for await (const bytes of body) text += Buffer.from(bytes).toString();
  return text;
}

test('writes a request with its length and its host, and validates its headers', async () => {
  const requests: string[] = [];
  const { url, port } = await serve((socket, request) => {
    requests.push(request);
    socket.write(answer('ok'));
  });
  const connections = createHttpConnections();
  await connections.send(url, { headers: { 'x-key': 'k' } });
  await connections.send(url, { method: 'POST', headers: {}, body: 'grüße' });
  expect(requests).toEqual([
    `GET /v1/x?y=%20z HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nx-key: k\r\nconnection: keep-alive\r\n\r\n`,
    `POST /v1/x?y=%20z HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\ncontent-length: 7\r\nconnection: keep-alive\r\n\r\ngrüße`,
  ]);
  for (const [name, value] of [
    ['x-key', 'k\r\nx-more: 1'],
    ['x key', 'k'],
  ] as const) {
    await expect(connections.send(url, { headers: { [name]: value } })).rejects.toThrow();
  }
  expect(requests).toHaveLength(2);
});

test('a connection that the server will soon close, or that says more than was asked, is not used again', async () => {
  const { url, sockets } = await serve((socket, _request, turn) => {
    socket.write(answer('ok', turn === 0 ? 'keep-alive: timeout=1\r\n' : '') + (turn === 1 ? 'more' : ''));
  });
  const connections = createHttpConnections();
  for (const connectionsSoFar of [1, 2, 3, 3]) {
    expect(await textOf((await connections.send(url, { headers: {} })).body)).toBe('ok');
    expect(sockets).toHaveLength(connectionsSoFar);
  }
});

test('a server that closes before an answer resets it; one that breaks off within its head is not understood', async () => {
  const { url } = await serve((socket, _request, turn) => socket.end(turn === 0 ? '' : 'HTTP/1.1 200 OK\r\n'));
  const connections = createHttpConnections();
  await expect(connections.send(url, { headers: {} })).rejects.toMatchObject({ code: 'ECONNRESET' });
  await expect(connections.send(url, { headers: {} })).rejects.toMatchObject({ code: 'bad-http' });
});

test('what came before a break is read before the break', async () => {
  const { url } = await serve((socket) => void socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nfirst'));
  const { body } = await createHttpConnections().send(url, { headers: {} });
  const reader = body[Symbol.asyncIterator]();
  expect(Buffer.from((await reader.next()).value as Uint8Array).toString()).toBe('first');
  await expect(reader.next()).rejects.toMatchObject({ code: 'ECONNRESET' });
});

test('a server waits for a reader that does not read, and is read to its end', async () => {
  const size = 8 * 1024 * 1024;
  const { url, sockets } = await serve((socket) => {
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${size}\r\n\r\n`);
    socket.write(Buffer.alloc(size, 'a'));
  });
  const { body } = await createHttpConnections().send(url, { headers: {} });
  await new Promise((resolve) => setImmediate(resolve));
  expect(sockets[0]!.writableLength).toBeGreaterThan(0);
  expect((await textOf(body)).length).toBe(size);
});
