import { mkdtemp, rm, stat } from 'node:fs/promises';
import { request, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createClientAddressResolver } from './client-address.ts';
import { createHandedOverServer, type HandedOverServer } from './handed-over.ts';
import { createPassedResolver, createPassOn, type PassOn } from './pass-on.ts';
import { listenPrivately } from './private-socket.ts';

/** A process that accepts, one that answers, and the socket between: here all of them are one. */
let folder: string;
let front: Server;
let url: string;
let handed: HandedOverServer;
let passOn: PassOn;
let privately: { close(): Promise<void> };
let answer: (request: IncomingMessage, response: ServerResponse) => void;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabloom-pass-on-'));
  const path = join(folder, 'own', 'http.sock');
  privately = await listenPrivately(path, (asked, response) => answer(asked, response));
  passOn = createPassOn(path);
  handed = createHandedOverServer({ onRequest: passOn, onUpgrade: (_request, socket) => socket.destroy() });
  front = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
    handed.accept(socket);
    socket.resume();
  });
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(front.address() as AddressInfo).port}`;
});
afterEach(async () => {
  front.close();
  await handed.close();
  passOn.close();
  await privately.close();
  await rm(folder, { recursive: true });
});

test('the socket is its owner’s alone', async () => {
  expect((await stat(join(folder, 'own'))).mode & 0o777).toBe(0o700);
  expect((await stat(join(folder, 'own', 'http.sock'))).mode & 0o777).toBe(0o600);
});

test('bodies, statuses and headers pass in both directions, of several requests on a connection', async () => {
  answer = (asked, response) => {
    response.writeHead(418, 'Teapot', { 'x-seen': `${asked.method} ${asked.url}`, 'set-cookie': ['a=1', 'b=2'] });
    asked.pipe(response);
  };
  for (const body of ['one', 'two'.repeat(100_000)]) {
    const response = await fetch(`${url}/a?b=c`, { method: 'POST', body });
    expect([response.status, response.statusText]).toEqual([418, 'Teapot']);
    expect(response.headers.get('x-seen')).toBe('POST /a?b=c');
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(await response.text()).toBe(body);
  }
});

test('the client is the one that has connected, whatever it says of itself', async () => {
  const resolve = createPassedResolver(createClientAddressResolver([]));
  const behindProxy = createPassedResolver(createClientAddressResolver(['127.0.0.1']));
  answer = (asked, response) => response.end(`${resolve(asked).host} ${behindProxy(asked).host}`);
  const headers = { 'x-tabloom-socket': '192.0.2.1 7', 'x-forwarded-for': '198.51.100.1' };
  expect(await (await fetch(url, { headers })).text()).toBe('127.0.0.1 198.51.100.1');
});

test('events arrive as they are written, and a client that leaves is missed', async () => {
  const left = Promise.withResolvers<void>();
  let write = (_text: string): void => undefined;
  answer = (_asked, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.flushHeaders();
    write = (text) => void response.write(text);
    response.once('close', left.resolve);
  };
  const leaving = new AbortController();
  const response = await fetch(url, { signal: leaving.signal });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  for (const event of ['data: 1\n\n', 'data: 2\n\n']) {
    write(event);
    expect((await reader.read()).value).toBe(event);
  }
  leaving.abort();
  await left.promise;
});

test('an answer that breaks off breaks off here, and without the other side it is said so', async () => {
  answer = (_asked, response) => {
    response.writeHead(200, { 'content-length': '10' });
    response.write('half', () => response.destroy());
  };
  await expect(fetch(url).then((response) => response.text())).rejects.toThrow();
  await privately.close();
  const response = await fetch(url);
  expect(response.status).toBe(503);
  expect(response.headers.get('retry-after')).toBe('1');
});

test('a client that closes its own half still gets its answer', async () => {
  answer = (asked, response) => void asked.resume().once('end', () => setImmediate(() => response.end('late')));
  const text = await new Promise<string>((resolve, reject) => {
    const asking = request(url, { agent: false }, (response) => {
      let read = '';
      response.on('data', (piece) => (read += piece));
      response.on('end', () => resolve(read));
    });
    asking.on('error', reject);
    asking.end(() => asking.socket?.end());
  });
  expect(text).toBe('late');
});
