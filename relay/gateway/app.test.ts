import { describe, expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.ts';
import { relayInfoSchema } from '#lib/protocol/relay-info.ts';
import { announce, artefact, ask, gatewayFixture } from './gateway.fixture.ts';

const foreign = { origin: 'https://evil.example' };
const friend = { origin: 'https://app.example' };

describe('Host and Origin', () => {
  const paths = ['/', '/v1/models', '/health', '/relay.json', '/_app/x.js'];
  test.each(paths)('%s under a foreign name is refused', async (path) => {
    const response = await gatewayFixture().request(path, { host: 'evil.example' });
    expect(response.status).toBe(403);
    expect((await response.json()).error.code).toBe('host_not_allowed');
  });
  test.each(['/v1/models', '/v1/anything', '/health', '/relay.json'])(
    '%s from a foreign page is refused',
    async (path) => {
      const response = await gatewayFixture().request(path, { headers: foreign });
      expect(response.status).toBe(403);
      expect(response.headers.get('access-control-allow-origin')).toBeNull();
      expect((await response.json()).error.code).toBe('origin_not_allowed');
    },
  );
  test('a foreign page starts no job', async () => {
    const { chat, asked } = gatewayFixture();
    expect((await chat(ask(), foreign)).status).toBe(403);
    expect((await chat(ask(), { origin: 'null' })).status).toBe(403);
    expect((await chat(ask(), { 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    expect(asked).toEqual([]);
  });
  test('own pages and programs pass', async () => {
    const { chat } = gatewayFixture();
    expect((await chat(ask())).status).toBe(200);
    expect((await chat(ask(), { origin: 'http://localhost:8080' })).status).toBe(200);
  });
  test('an allowed origin may read the answer, errors too, and is named in full', async () => {
    const { chat } = gatewayFixture();
    for (const body of [ask(), ask({ stream: true }), {}]) {
      const response = await chat(body, friend);
      expect(response.headers.get('access-control-allow-origin')).toBe('https://app.example');
      expect(response.headers.get('vary')).toContain('Origin');
      expect(response.headers.get('access-control-expose-headers')).toContain('retry-after');
    }
  });
});

describe('preflight', () => {
  const preflight = (headers: Record<string, string>) =>
    gatewayFixture().request('/v1/chat/completions', {
      method: 'OPTIONS',
      headers: { 'access-control-request-method': 'POST', ...headers },
    });
  test("names the headers OpenAI's clients send", async () => {
    const wanted = 'authorization, content-type, x-stainless-os, X-Stainless-Retry-Count, idempotency-key, x-evil';
    const response = await preflight({ ...friend, 'access-control-request-headers': wanted });
    expect(response.status).toBe(204);
    expect(response.headers.get('access-control-allow-origin')).toBe('https://app.example');
    expect(response.headers.get('access-control-allow-methods')).toContain('POST');
    expect(response.headers.get('access-control-allow-headers')).toBe(
      'authorization, content-type, x-stainless-os, x-stainless-retry-count, idempotency-key',
    );
    expect(response.headers.get('access-control-allow-credentials')).toBeNull();
    expect(response.headers.get('access-control-allow-private-network')).toBeNull();
  });
  test('lets an allowed public page reach a private machine when it asks', async () => {
    const response = await preflight({ ...friend, 'access-control-request-private-network': 'true' });
    expect(response.headers.get('access-control-allow-private-network')).toBe('true');
  });
  test('of a foreign page gives nothing', async () => {
    const response = await preflight({ ...foreign, 'access-control-request-headers': 'content-type' });
    expect(response.status).toBe(403);
    expect([...response.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
  });
});

describe('models', () => {
  test('are what is served now, by name, counted over peers', async () => {
    const clock = manualClock();
    const { request, directory } = gatewayFixture(undefined, { clock });
    const listed = async () => (await (await request('/v1/models')).json()).data;
    expect(await listed()).toEqual([]);
    announce(directory, clock, [{}, { name: 'org/other', artefact: 'b'.repeat(64), contextTokens: 100 }], 7);
    announce(directory, clock, [{ contextTokens: 1_024 }], 8);
    expect(await listed()).toEqual([
      {
        id: 'org/other',
        object: 'model',
        created: 1_700_000_000,
        owned_by: 'tabloom',
        tabloom: { artefacts: ['b'.repeat(64)], peers: 1, contextTokens: 100 },
      },
      {
        id: 'tabloom-demo',
        object: 'model',
        created: 1_700_000_000,
        owned_by: 'tabloom',
        tabloom: { artefacts: [artefact], peers: 2, contextTokens: 1_024 },
      },
    ]);
    expect((await (await request('/v1/models/org/other')).json()).id).toBe('org/other');
    expect((await (await request(`/v1/models/${artefact}`)).json()).id).toBe('tabloom-demo');
    const missing = await request('/v1/models/gpt-9');
    expect(missing.status).toBe(404);
    expect((await missing.json()).error.code).toBe('model_not_found');
  });
  test('a model seen once stays a known name', async () => {
    const clock = manualClock();
    const { chat, directory } = gatewayFixture(undefined, { clock });
    expect((await chat(ask({ model: 'passing' }))).status).toBe(404);
    announce(directory, clock, [{ name: 'passing' }]);
    await clock.advance(60_000);
    directory.expire();
    expect(directory.entries()).toEqual([]);
    expect((await chat(ask({ model: 'passing' }))).status).toBe(200);
  });
});

test('health and relay.json', async () => {
  const { request } = gatewayFixture();
  const health = await request('/health');
  expect(health.status).toBe(200);
  expect(health.headers.get('cache-control')).toBe('no-store');
  expect(await health.json()).toMatchObject({ ok: true, jobs: { running: 0 }, native: { state: 'off' } });
  expect(relayInfoSchema.parse(await (await request('/relay.json')).json()).protocol).toBe(1);
  expect((await request('/health', { method: 'HEAD' })).status).toBe(200);
  expect((await request('/health', { method: 'DELETE' })).status).toBe(405);
});
