import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '#lib/base/clock.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { openAIErrorBodySchema } from '#lib/protocol/openai.ts';
import { createClientAddressResolver } from './client-address.ts';
import { createConnectionLimits, type ConnectionLimits } from './connection-limits.ts';
import { createGuard } from './guard.ts';
import { listen, type HttpServer } from './server.ts';
import { createUpgradeHandler, type PendingUpgrade, type UpgradeOptions, type UpgradeHandler } from './upgrade.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

/** In place of the network: upgrades, then echoes. */
function echoes(seen: PendingUpgrade['from'][] = []): UpgradeOptions['accept'] {
  return () =>
    ({ socket, from }) => {
      seen.push(from);
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
      socket.pipe(socket);
    };
}

const admitAll: ConnectionLimits = { admit: () => ({ release: () => undefined }) };
const open = { limits: admitAll, isProxy: () => false };

async function relayServer(
  over: Partial<UpgradeOptions> & { readonly onRequest?: RequestListener; readonly sockets?: ConnectionLimits } = {},
): Promise<{ http: HttpServer; upgrades: UpgradeHandler }> {
  const guard = createGuard({ bindHost: '127.0.0.1', allowedHosts: [], allowedOrigins: ['https://app.example'] });
  const resolveClient = createClientAddressResolver([]);
  const upgrades = createUpgradeHandler({
    guard,
    resolveClient,
    accept: () => undefined,
    logger: silentLogger,
    limits: admitAll,
    ...over,
  });
  const http = await listen({
    ...open,
    ...(over.sockets ? { limits: over.sockets } : {}),
    host: '127.0.0.1',
    port: 0,
    upgrades,
    onRequest: over.onRequest ?? ((_request, response) => void response.end('page')),
  });
  closing.push(() => http.close());
  return { http, upgrades };
}

/** A raw upgrade request; resolves with what came back until `until` has been seen or the connection ended. */
function upgrade(
  port: number,
  { path = '/', host = `localhost:${port}`, origin, say }: Record<string, string | undefined>,
  until: RegExp,
): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port: Number(port) });
    let text = '';
    const done = () => {
      resolve(text);
      socket.destroy();
    };
    socket.on('data', (chunk) => {
      text += chunk.toString();
      if (until.test(text)) done();
      else if (say && text.endsWith('\r\n\r\n')) socket.write(say);
    });
    socket.on('close', done);
    socket.on('error', done);
    socket.write(upgradeRequest(port, { path, host, origin }));
  });
}

const upgradeRequest = (
  port: number,
  { path = '/', host = `localhost:${port}`, origin }: Record<string, string | undefined> = {},
) =>
  `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${origin === undefined ? '' : `Origin: ${origin}\r\n`}` +
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAA\r\n\r\n';

describe('upgrades', () => {
  test('are handed over with where they come from, the first bytes included', async () => {
    const seen: PendingUpgrade['from'][] = [];
    const { http, upgrades } = await relayServer({ accept: echoes(seen) });
    const text = await upgrade(http.port, { say: 'ping!' }, /ping!/);
    expect(text).toMatch(/^HTTP\/1.1 101 /);
    expect(text).toContain('ping!');
    expect(seen).toEqual([{ host: '127.0.0.1', port: expect.any(Number) }]);
    while (upgrades.size > 0) await new Promise((resolve) => setImmediate(resolve));
  });
  test.each([
    ['a foreign page', { origin: 'https://evil.example' }, 403, 'origin_not_allowed'],
    ['a page without a name', { origin: 'null' }, 403, 'origin_not_allowed'],
    ['a foreign name', { host: 'evil.example' }, 403, 'host_not_allowed'],
    ['another path', { path: '/v1/models' }, 404, 'not_found'],
  ])('of %s are refused before the network sees them', async (_name, headers, status, code) => {
    const seen: PendingUpgrade['from'][] = [];
    const { http } = await relayServer({ accept: echoes(seen) });
    const text = await upgrade(http.port, headers, /\}\}$/);
    expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(text).toContain(`"code":"${code}"`);
    expect(seen).toEqual([]);
  });
  test('of own and allowed pages pass', async () => {
    const { http } = await relayServer({ accept: echoes() });
    for (const origin of [`http://localhost:${http.port}`, 'https://app.example'])
      expect(await upgrade(http.port, { origin }, /\r\n\r\n$/)).toMatch(/^HTTP\/1.1 101 /);
  });
  test('that the limits do not admit are told so; a place is held for as long as its socket is open', async () => {
    const hosts: string[] = [];
    let held = 0;
    const limits: ConnectionLimits = {
      admit(host) {
        hosts.push(host);
        if (held > 0) return undefined;
        held += 1;
        return { release: () => void (held -= 1) };
      },
    };
    const { http } = await relayServer({ accept: echoes(), limits });
    const first = connect(http.port, '127.0.0.1');
    first.write(upgradeRequest(http.port));
    await once(first, 'data');
    const refused = await upgrade(http.port, {}, /\}\}$/);
    expect(refused).toMatch(/^HTTP\/1.1 429 [^]*"too_many_connections"/);
    first.destroy();
    await expect.poll(() => held).toBe(0);
    expect(hosts).toEqual(['127.0.0.1', '127.0.0.1']);
  });

  test('so are plain sockets, in OpenAI’s words, but not those of a trusted proxy', async () => {
    const sockets = createConnectionLimits({ clock: systemClock, perAddressMax: 1, opening: 'unlimited' });
    const { http } = await relayServer({ sockets });
    const first = connect(http.port, '127.0.0.1');
    await once(first, 'connect');
    const second = connect(http.port, '127.0.0.1');
    const [answer] = await once(second.setEncoding('utf8'), 'data');
    expect(answer).toMatch(/^HTTP\/1.1 429 [^]*too_many_connections/);
    first.destroy();
    await expect
      .poll(() =>
        fetch(`http://127.0.0.1:${http.port}/`).then(
          ({ status }) => status,
          () => 0,
        ),
      )
      .toBe(200);
  });

  test('before the network is up and past the limits are told to come back', async () => {
    const { http: early } = await relayServer();
    expect(await upgrade(early.port, {}, /\}\}$/)).toContain('"code":"starting"');
    const { http: full } = await relayServer({ accept: echoes(), openMax: 0 });
    expect(await upgrade(full.port, {}, /\}\}$/)).toMatch(/^HTTP\/1.1 503 /);
  });
  test('that are refused are let go, though the other side never closes', async () => {
    const { http } = await relayServer();
    const socket = connect({ host: '127.0.0.1', port: http.port, allowHalfOpen: true });
    const answered = Promise.withResolvers<void>();
    socket.on('error', () => undefined);
    socket.on('data', () => answered.resolve());
    socket.write('GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    await answered.promise;
    await http.close();
    expect(socket.writable).toBe(true);
    socket.destroy();
  });
  test('end with the server', async () => {
    const { http, upgrades } = await relayServer({ accept: echoes() });
    const open = upgrade(http.port, {}, /never/);
    while (upgrades.size === 0) await new Promise((resolve) => setImmediate(resolve));
    await http.close();
    await open;
    expect(upgrades.size).toBe(0);
  });
});

/** Writes bytes to the port and tells what came back until the server closed; `half` closes only the own half. */
function exchange(port: number, bytes: string, { half = false }: { readonly half?: boolean } = {}): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString()));
    socket.on('error', () => undefined);
    socket.on('end', () => socket.end());
    socket.on('close', () => resolve(text));
    if (half) socket.end(bytes);
    else socket.write(bytes);
  });
}

describe('requests that are more than HTTP/1.1', () => {
  const head = 'Host: localhost\r\nConnection: close';
  const upgradeHeads = {
    "Java's client":
      'POST / HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings, close\r\nContent-Length: 2\r\nUpgrade: h2c\r\n',
    'curl --http2': 'GET / HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\n',
    'a POST that would be a WebSocket':
      'POST / HTTP/1.1\r\nConnection: Upgrade, close\r\nContent-Length: 2\r\nUpgrade: websocket\r\n',
  };
  test.each(Object.entries(upgradeHeads))('B1: the upgrade to %s is ignored', async (_name, head) => {
    let body = '';
    const { http } = await relayServer({
      onRequest: (request, response) => {
        request.on('data', (chunk) => (body += String(chunk)));
        request.on('end', () => response.end('page'));
      },
    });
    const hasBody = head.startsWith('POST');
    const settings = 'HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA';
    const text = await exchange(http.port, `${head}Host: localhost\r\n${settings}\r\n\r\n${hasBody ? '{}' : ''}`);
    expect(text).toMatch(/^HTTP\/1.1 200 /);
    expect(text).toContain('page');
    expect(body).toBe(hasBody ? '{}' : '');
  });

  test.each([
    [
      'headers past the limit',
      `GET / HTTP/1.1\r\n${head}\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
      431,
      'headers_too_large',
    ],
    ['what is no request', 'HELLO\r\n\r\n', 400, 'bad_http'],
  ])("B8: %s are refused in OpenAI's form", async (_name, bytes, status, code) => {
    const { http } = await relayServer();
    const [answered, body] = (await exchange(http.port, bytes)).split('\r\n\r\n');
    expect(answered).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(openAIErrorBodySchema.parse(JSON.parse(body!)).error).toMatchObject({ code, type: 'invalid_request_error' });
  });

  test('B8: a client that has closed its own half gets its answer', async () => {
    const asked = Promise.withResolvers<void>();
    const { http } = await relayServer({
      onRequest: (request, response) => {
        request.socket.once('end', () => asked.resolve());
        void asked.promise.then(() => setImmediate(() => response.end('late')));
      },
    });
    const text = await exchange(http.port, `GET / HTTP/1.1\r\n${head}\r\n\r\n`, { half: true });
    expect(text).toMatch(/HTTP\/1.1 200 /);
    expect(text).toContain('late');
  });

  test.each(['1.1', '1.0'])(
    'B8: one that has gone is noticed before there is anything to say (HTTP/%s)',
    async (version) => {
      const asked = Promise.withResolvers<void>();
      const gone = Promise.withResolvers<void>();
      const { http } = await relayServer({
        onRequest: (_request, response) => {
          response.once('close', () => gone.resolve());
          asked.resolve();
        },
      });
      const socket = connect({ host: '127.0.0.1', port: http.port });
      socket.write(`GET / HTTP/${version}\r\nHost: localhost\r\n\r\n`);
      await asked.promise;
      socket.destroy();
      await gone.promise;
    },
  );

  test('B8: one that has gone is noticed while a stream of events is silent', async () => {
    const begun = Promise.withResolvers<void>();
    const gone = Promise.withResolvers<void>();
    const { http } = await relayServer({
      onRequest: (_request, response) => {
        response.once('close', () => gone.resolve());
        response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: 1\n\n');
      },
    });
    const socket = connect({ host: '127.0.0.1', port: http.port });
    socket.once('data', () => begun.resolve());
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await begun.promise;
    socket.destroy();
    await gone.promise;
  });

  test('B8: nothing but comments is added to the stream of one that has closed its own half', async () => {
    const { http } = await relayServer({
      onRequest: (request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
        request.socket.once('end', () => setImmediate(() => response.end('data: 2\n\n')));
      },
    });
    const text = await exchange(http.port, `GET / HTTP/1.1\r\n${head}\r\n\r\n`, { half: true });
    expect(text).toMatch(/data: 1\n\n[\s\S]*: ping\n\n[\s\S]*data: 2\n\n/);
  });
});

describe('listening', () => {
  test('on a taken port says what to do', async () => {
    const { http, upgrades } = await relayServer();
    const again = (host: string, port: number) => listen({ ...open, host, port, upgrades, onRequest: () => undefined });
    await expect(again('127.0.0.1', http.port)).rejects.toMatchObject({ code: 'port-in-use', message: /--port/ });
    await expect(again('192.0.2.1', 0)).rejects.toMatchObject({ code: 'host-not-here' });
  });
  test('drained takes nothing new', async () => {
    const { http } = await relayServer();
    expect(await (await fetch(`http://127.0.0.1:${http.port}/`)).text()).toBe('page');
    http.drain();
    await expect(fetch(`http://127.0.0.1:${http.port}/`)).rejects.toThrow();
  });
});
