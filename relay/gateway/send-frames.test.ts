import { once } from 'node:events';
import { Agent, createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { systemClock } from '#lib/base/clock.ts';
import { toNodeListener } from './node-listener.ts';
import { ask, endless, gatewayFixture, readFrames, worker } from './gateway.fixture.ts';
import { sendFrames } from './send-frames.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function listen(listener: (outgoing: ServerResponse) => void): Promise<string> {
  const server = createServer((_, outgoing) => listener(outgoing));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const left: string[] = [];
async function* framesOf(frames: Iterable<string>, end = async () => {}): AsyncGenerator<string> {
  left.length = 0;
  try {
    yield* frames;
    await end();
  } finally {
    left.push('left');
  }
}

test('frames are the body, in order, under the status and headers of the response', async () => {
  const head = new Response(null, { status: 201, headers: { 'x-one': '1', 'content-type': 'text/event-stream' } });
  const url = await listen((outgoing) => void sendFrames(outgoing, head, framesOf(['a', '', 'é', 'c'])));
  const response = await fetch(url);
  expect([response.status, response.headers.get('x-one')]).toEqual([201, '1']);
  expect(await response.text()).toBe('aéc');
});

/** The bytes that a client of this version of HTTP gets, after the headers, on a connection that the server may keep. */
async function rawBody(url: string, version: '1.0' | '1.1'): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.write(`GET / HTTP/${version}\r\nhost: x\r\nconnection: close\r\n\r\n`);
  let text = '';
  for await (const data of socket) text += String(data);
  return text.slice(text.indexOf('\r\n\r\n') + 4);
}

test('each frame is a chunk, of as many bytes as it has', async () => {
  const frames = ['data: é\n\n', 'x'.repeat(300)];
  const url = await listen((outgoing) => void sendFrames(outgoing, new Response(null), framesOf(frames)));
  expect(await rawBody(url, '1.1')).toBe(`a\r\ndata: é\n\n\r\n12c\r\n${frames[1]}\r\n0\r\n\r\n`);
  expect(await rawBody(url, '1.0')).toBe(frames.join(''));
});

test('a connection is kept for the next request after a stream', async () => {
  const url = await listen((outgoing) => void sendFrames(outgoing, new Response(null), framesOf(['a', 'b'])));
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const get = async () => {
    const [response] = (await once(request(url, { agent }).end(), 'response')) as [IncomingMessage];
    const { localPort } = response.socket;
    let text = '';
    for await (const data of response) text += String(data);
    return { text, localPort };
  };
  const first = await get();
  expect(first.text).toBe('ab');
  expect(await get()).toEqual(first);
  agent.destroy();
});

test('the headers are sent before there is anything to say', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const url = await listen(
    (outgoing) =>
      void sendFrames(
        outgoing,
        new Response(null),
        framesOf([''], () => promise),
      ),
  );
  const response = await fetch(url);
  resolve();
  expect(await response.text()).toBe('');
});

test('a client that leaves without reading ends the frames', async () => {
  const sent = Promise.withResolvers<void>();
  const client = new AbortController();
  const all = Array.from({ length: 4_096 }, () => 'x'.repeat(16_384));
  const url = await listen(
    (outgoing) => void sendFrames(outgoing, new Response(null), framesOf(all)).then(sent.resolve),
  );
  await fetch(url, { signal: client.signal });
  client.abort();
  await sent.promise;
  expect(left).toEqual(['left']);
});

test('frames that fail close the connection', async () => {
  const failing = framesOf(['a'], () => Promise.reject(new Error('broken')));
  const url = await listen((outgoing) => void sendFrames(outgoing, new Response(null), failing));
  await expect(fetch(url).then((response) => response.text())).rejects.toThrow();
});

async function serve({ gateway }: ReturnType<typeof gatewayFixture>): Promise<string> {
  const listener = toNodeListener(gateway, () => ({ host: '127.0.0.1', port: 1 }));
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/chat/completions`;
}

const post = (url: string, signal?: AbortSignal) =>
  fetch(url, {
    method: 'POST',
    body: JSON.stringify(ask({ stream: true })),
    headers: { 'content-type': 'application/json' },
    ...(signal ? { signal } : {}),
  });

test('a streamed answer reaches its client whole, with the headers of every layer', async () => {
  const response = await post(await serve(gatewayFixture()));
  expect(response.headers.get('x-tabloom-peer')).toBe(worker.peer);
  expect(response.headers.get('vary')).toBe('Origin');
  expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  expect(response.headers.get('x-request-id')).toMatch(/./);
  expect((await readFrames(response)).at(-1)).toBe('data: [DONE]');
});

test('a client that leaves a streamed answer stops its job', async () => {
  const { promise: stopped, resolve } = Promise.withResolvers<void>();
  const fixture = gatewayFixture(endless(resolve), { clock: systemClock });
  const client = new AbortController();
  const response = await post(await serve(fixture), client.signal);
  await response.body!.getReader().read();
  client.abort();
  await stopped;
  await fixture.jobs.idle({});
  expect(fixture.jobs.counts).toMatchObject({ running: 0, cancelled: 1 });
});
