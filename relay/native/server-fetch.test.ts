import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { TabloomError } from '#lib/base/errors.ts';
import { createServerFetch } from './server-fetch.ts';

const undo: (() => void)[] = [];
afterEach(() => {
  for (const end of undo.splice(0)) end();
});

async function serve(onRequest: (request: IncomingMessage, response: ServerResponse) => void) {
  const sockets: Socket[] = [];
  const server = createServer(onRequest);
  server.on('connection', (socket) => sockets.push(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  undo.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/x`), sockets };
}

const plain = { headers: {}, redirect: 'error' } as const;
const fetch = createServerFetch();

async function textOf(body: AsyncIterable<Uint8Array> | null): Promise<string> {
  let text = '';
  for await (const bytes of body ?? []) text += Buffer.from(bytes).toString();
  return text;
}

test('sends a body, and shows status and headers', async () => {
  const { url } = await serve(async (request, response) => {
    response.writeHead(429, { 'Retry-After': '3' });
    response.end(`${request.method} ${request.headers['content-length']} ${await textOf(request)}`);
  });
  const response = await fetch(url, { ...plain, method: 'POST', body: 'grüße' });
  expect(response).toMatchObject({ ok: false, status: 429 });
  expect(response.headers.get('retry-after')).toBe('3');
  expect(response.headers.get('Retry-After')).toBe('3');
  expect(response.headers.get('x-none')).toBeNull();
  expect(await textOf(response.body)).toBe('POST 7 grüße');
});

test('one connection serves request after request, also where the reader left when all had arrived', async () => {
  const { url, sockets } = await serve((_request, response) => response.end('data: [DONE]\n\n'));
  for (let i = 0; i < 3; i++) {
    const over = new AbortController();
    const { body } = await fetch(url, { ...plain, signal: over.signal });
    for await (const _ of body!) break;
    over.abort();
    // The socket returns to its pool when the rest has been read.
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(sockets).toHaveLength(1);
});

test('leaving a body early closes the connection', async () => {
  const { url, sockets } = await serve((_request, response) => void response.write('first'));
  const { body } = await fetch(url, plain);
  for await (const bytes of body!) {
    expect(Buffer.from(bytes).toString()).toBe('first');
    break;
  }
  await once(sockets[0]!, 'close');
});

test('an abort ends the wait for a response, and the reading of one, with its own error', async () => {
  const reason = new TabloomError('cancelled', 'Enough.');
  const { url, sockets } = await serve((request, response) => {
    if (request.headers['x-begin'] === 'yes') response.write('first');
    waiting.abort(reason);
  });
  let waiting = new AbortController();
  await expect(fetch(url, { ...plain, signal: waiting.signal })).rejects.toBe(reason);
  await expect(fetch(url, { ...plain, signal: waiting.signal })).rejects.toBe(reason);

  waiting = new AbortController();
  const reading = new AbortController();
  const { body } = await fetch(url, { ...plain, headers: { 'x-begin': 'yes' }, signal: reading.signal });
  const read = textOf(body);
  reading.abort(reason);
  await expect(read).rejects.toThrow();
  await once(sockets.at(-1)!, 'close');
});

test('an abort before the body is read is thrown to its reader', async () => {
  const { url } = await serve((_request, response) => void response.write('first'));
  const left = new AbortController();
  const { body } = await fetch(url, { ...plain, signal: left.signal });
  left.abort();
  await new Promise((resolve) => setImmediate(resolve));
  await expect(textOf(body)).rejects.toThrow();
});

test('a body that breaks off is an error', async () => {
  const { url } = await serve((_request, response) => {
    response.writeHead(200, { 'content-length': 100 });
    response.write('first', () => response.destroy());
  });
  await expect(textOf((await fetch(url, plain)).body)).rejects.toThrow();
});

test('a redirect is refused', async () => {
  const { url } = await serve((_request, response) => response.writeHead(302, { location: '/elsewhere' }).end());
  await expect(fetch(url, plain)).rejects.toThrow('redirects');
});
