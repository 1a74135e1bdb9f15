import { createServer, request, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { systemClock } from '#lib/base/clock.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { hashOfKey, keyTermsSchema, type ApiKey } from '../api-key.ts';
import type { GatewayComponents } from './app.ts';
import type { Credits } from './credits.ts';
import { answers, ask, endless, gatewayFixture } from './gateway.fixture.ts';
import { toNodeListener } from './node-listener.ts';
import { createRateLimits } from './rate-limits.ts';

const undo: (() => void)[] = [];
afterEach(() => {
  for (const end of undo.splice(0)) end();
});

const known = `sk_${'a'.repeat(43)}`;
const key: ApiKey = { ...keyTermsSchema.parse({}), id: 'k', owner: undefined, createdAt: 0, revokedAt: undefined };
const credits: Credits = {
  price: { in: 1_000_000n, out: 2_000_000n },
  chain: { id: 1, name: 'A chain', token: 'USDC', payTo: '0xp' },
  cost: ({ tokensIn, tokensOut }) => BigInt(tokensIn + 2 * tokensOut),
  balance: async () => ({ units: 0n, held: 0n }),
  carries: (headers) => headers.has('payment-signature'),
  async take({ url, method, headers }, units, address) {
    if (!headers.has('payment-signature')) {
      const asked = { url: new URL(url).pathname, method };
      return { type: 'required', headers: [['payment-required', 'terms']], terms: asked, reason: undefined };
    }
    const paid = { payer: '0xa', address: address ?? '0xa', units, isNew: true, transaction: '0x1' };
    return { type: 'paid', ...paid, headers: [['payment-response', 'receipt']] };
  },
};

interface Asked {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Buffer;
  /** Without it, in chunks. */
  readonly length?: 'said' | 'unsaid';
}

interface Seen {
  readonly status: number | undefined;
  readonly headers: Record<string, unknown>;
  readonly body: string;
}

async function serve(way: 'direct' | 'routed', over: Partial<GatewayComponents>, client: string) {
  const fixture = gatewayFixture(answers('Hello', ', you'), { ...over, clock: manualClock() });
  let routed = 0;
  const { gateway } = fixture;
  const fetch: typeof gateway.fetch = (asked, origin) => {
    routed++;
    return gateway.fetch(asked, origin);
  };
  const answerDirectly: typeof gateway.answerDirectly =
    way === 'direct' ? (...given) => gateway.answerDirectly(...given) : () => false;
  const server = createServer(toNodeListener({ ...gateway, fetch, answerDirectly }, () => ({ host: client, port: 1 })));
  undo.push(() => void server.close().closeAllConnections());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { port, routed: () => routed, fixture };
}

const json = { 'content-type': 'application/json' };

async function send(port: number, { path, method = 'POST', headers, body, length = 'said' }: Asked): Promise<Seen> {
  const bytes = Buffer.from(body ?? JSON.stringify(ask()));
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const sent = request({
      port,
      path: path ?? '/v1/chat/completions',
      method,
      headers: {
        host: 'localhost:8080',
        ...(length === 'said' ? { 'content-length': bytes.length } : { 'transfer-encoding': 'chunked' }),
        ...json,
        ...headers,
      } as Record<string, string>,
    });
    sent.on('response', resolve).on('error', reject).end(bytes);
  });
  let text = '';
  for await (const piece of response) text += String(piece);
  const seen: Record<string, unknown> = { ...response.headers };
  // Drawn anew, or of the second.
  if (response.statusCode !== 200) seen['x-request-id'] = typeof seen['x-request-id'];
  seen['date'] = typeof seen['date'];
  for (const name of Object.keys(seen)) if (name.startsWith('x-ratelimit-reset')) seen[name] = 'soon';
  return { status: response.statusCode, headers: seen, body: text };
}

const rates = (requestsPerMinute: number) =>
  createRateLimits({
    requestsPerMinute,
    tokensPerMinute: 100_000,
    requestsPerMinuteTotal: 1_000,
    redisUrl: undefined,
    logger: silentLogger,
  });
const keys = {
  find: async (hash: string) => (hash === hashOfKey(known) ? key : undefined),
  hasOrigin: async () => false,
};
const bearer = { authorization: `Bearer ${known}` };
const stream = JSON.stringify(ask({ stream: true, stream_options: { include_usage: true } }));
const here = '127.0.0.1';
const away = '192.0.2.7';

interface Case {
  readonly name: string;
  readonly asked: Asked | readonly Asked[];
  /** How many of the requests need the routes. */
  readonly routed?: number;
  readonly client?: string;
  readonly over?: () => Partial<GatewayComponents>;
}

const cases: readonly Case[] = [
  { name: 'a whole answer', asked: {} },
  { name: 'a stream', asked: { body: stream } },
  { name: 'a text completion', asked: { path: '/v1/completions', body: '{"model":"tabloom-demo","prompt":"a"}' } },
  { name: 'an embedding', asked: { path: '/v1/embeddings', body: '{"model":"tabloom-demo","input":"a"}' } },
  { name: 'a response', asked: { path: '/v1/responses', body: '{"model":"tabloom-demo","input":"a"}' } },
  { name: 'warnings', asked: { body: JSON.stringify(ask({ verbosity: 'low' })) } },
  { name: 'an unknown model', asked: { body: JSON.stringify(ask({ model: 'absent' })) } },
  { name: 'a bad field', asked: { body: JSON.stringify(ask({ temperature: 'hot' })) } },
  { name: 'no JSON', asked: { body: '{' } },
  { name: 'no UTF-8', asked: { body: Buffer.from([0x22, 0xff, 0x22]) } },
  { name: 'a tier in a header', asked: { headers: { 'x-peer-tier': 'sealed' } } },
  { name: 'an Idempotency-Key, twice', asked: [1, 2].map(() => ({ headers: { 'idempotency-key': 'a' } })) },
  {
    name: 'an Idempotency-Key for another body',
    asked: [stream, '{}'].map((body) => ({ headers: { 'idempotency-key': 'a' }, body })),
  },
  { name: 'a key', asked: { headers: bearer }, client: away, over: () => ({ keys, rates: rates(10) }) },
  {
    name: 'an unknown key',
    asked: { headers: { 'x-api-key': `sk_${'b'.repeat(43)}` } },
    over: () => ({ keys }),
    routed: 1,
  },
  { name: 'no key where one is needed', asked: {}, client: away, over: () => ({ keysNeeded: 'required' }), routed: 1 },
  { name: 'rates', asked: [{}, {}, { body: stream }], client: away, over: () => ({ rates: rates(1) }) },
  { name: 'a job that must be paid', asked: {}, client: away, over: () => ({ credits }) },
  {
    name: 'a job that is paid',
    asked: { headers: { 'payment-signature': 'ok' } },
    client: away,
    over: () => ({ credits, keysNeeded: 'required' }),
  },
  { name: 'a page of an allowed origin', asked: { headers: { origin: 'https://app.example' } }, routed: 1 },
  { name: 'a foreign page', asked: { headers: { origin: 'https://evil.example' } }, routed: 1 },
  { name: 'a foreign page without an origin', asked: { headers: { 'sec-fetch-site': 'cross-site' } }, routed: 1 },
  { name: 'a foreign host', asked: { headers: { host: 'evil.example' } }, routed: 1 },
  { name: 'a header twice', asked: { headers: { 'x-peer-tier': ['open', 'sealed'] } }, routed: 1 },
  { name: 'another way to write the path', asked: { path: '/v1/chat/completions/' }, routed: 1 },
  { name: 'a query', asked: { path: '/v1/chat/completions?a=1' }, routed: 1 },
  { name: 'another method', asked: { method: 'PUT' }, routed: 1 },
  { name: 'a form', asked: { headers: { 'content-type': 'text/plain' } }, routed: 1 },
  { name: 'a charset', asked: { headers: { 'content-type': 'application/json; charset=latin1' } } },
  { name: 'a body of unknown length', asked: { length: 'unsaid' }, routed: 1 },
  {
    name: 'a compressed body',
    asked: { headers: { 'content-encoding': 'gzip' }, body: gzipSync(JSON.stringify(ask())) },
    routed: 1,
  },
];

test.each(cases.map((one) => [one.name, one] as const))(
  '%s is answered alike by both ways',
  async (_, { asked, routed = 0, client = here, over = () => ({}) }) => {
    const direct = await serve('direct', over(), client);
    const other = await serve('routed', over(), client);
    for (const one of [asked].flat()) {
      const [seen, expected] = [await send(direct.port, one), await send(other.port, one)];
      expect(seen).toEqual(expected);
    }
    expect(direct.routed()).toBe(routed);
    expect(direct.fixture.asked).toEqual(other.fixture.asked);
    expect(direct.fixture.logged).toEqual(other.fixture.logged);
  },
);

test('a client that leaves before its whole answer stops its job', async () => {
  const { promise: stopped, resolve } = Promise.withResolvers<void>();
  const fixture = gatewayFixture(endless(resolve), { clock: systemClock });
  const server = createServer(toNodeListener(fixture.gateway, () => ({ host: here, port: 1 })));
  undo.push(() => void server.close().closeAllConnections());
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  const sent = request({ port, path: '/v1/chat/completions', method: 'POST', headers: { host: 'localhost', ...json } });
  sent.on('error', () => undefined);
  sent.setHeader('content-length', JSON.stringify(ask()).length);
  sent.end(JSON.stringify(ask()));
  while (fixture.jobs.counts.running === 0) await new Promise((later) => setImmediate(later));
  sent.destroy();
  await stopped;
  await fixture.jobs.idle({});
  expect(fixture.jobs.counts).toMatchObject({ running: 0, cancelled: 1 });
});
