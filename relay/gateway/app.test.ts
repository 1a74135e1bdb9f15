import { describe, expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { relayInfoSchema } from '#lib/protocol/relay-info.ts';
import { isJobRequest } from './app.ts';
import { announce, artefact, ask, gatewayFixture, worker } from './gateway.fixture.ts';

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

test('the network: what each model can do, and its workers by peer id', async () => {
  const clock = manualClock();
  const { request, directory } = gatewayFixture(undefined, { clock });
  const measured = { prefillTps: 100, decodeTps: 20, ttftMs: 50 };
  announce(directory, clock, [{ slots: 2, running: 1, measured }]);
  announce(directory, clock, [{ queued: 3 }], 8);
  const body = await (await request('/v1/network')).json();
  expect(body).toMatchObject({ object: 'network', workers_total: 2 });
  expect(body.models).toEqual([
    {
      artefact,
      name: 'tabloom-demo',
      quantisation: 'Q8_0',
      workers: 2,
      slots: 3,
      running: 1,
      queued: 3,
      decodeTps: 40,
      contextTokens: 512,
      tiers: ['open'],
    },
  ]);
  expect(body.workers).toHaveLength(2);
  const self = body.workers.find((one: { peer: string }) => one.peer === worker.peer);
  expect(self).toMatchObject({ role: 'tab', engine: { name: 'scripted' }, models: [{ measured, slots: 2 }] });
});

test.each([
  ['claimed', undefined],
  ['measured', 'measured'],
  ['claimed', 'certified'],
])('the hardware of a worker is %s where its offer says %s', async (status, said) => {
  const clock = manualClock();
  const { request, directory } = gatewayFixture(undefined, { clock });
  const gpus = [{ name: 'NVIDIA H200', memoryMiB: 143_771 }];
  announce(directory, clock, [{}], 7, { gpus, ...(said === undefined ? {} : { status: said }) });
  const { workers } = await (await request('/v1/network')).json();
  expect(workers[0].hardware).toEqual({ gpus, status });
});

test('why each worker would get a job, or not', async () => {
  const { request } = gatewayFixture();
  const body = await (await request('/v1/route?model=catalogued')).json();
  expect(body).toEqual({ object: 'route', model: 'catalogued', workers: [{ peer: worker.peer, reason: 'chosen' }] });
  expect((await request('/v1/route?model=unheard-of')).status).toBe(404);
});

test('the reference is made of the schemas that requests are checked with', async () => {
  const { request } = gatewayFixture();
  const document = await (await request('/v1/openapi.json')).json();
  expect(document.openapi).toBe('3.1.0');
  const operations = Object.values(document.paths).flatMap((path) => Object.values(path as object));
  expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
  const bodyOf = (path: string) => document.paths[path].post.requestBody.content['application/json'].schema;
  expect(bodyOf('/v1/chat/completions')).toMatchObject({
    required: expect.arrayContaining(['model', 'messages']),
    properties: { temperature: { anyOf: [{ type: 'number', minimum: 0, maximum: 2 }, { type: 'null' }] } },
  });
  expect(bodyOf('/v1/responses').properties).toHaveProperty('input');
  // Every path of the document exists.
  for (const path of Object.keys(document.paths).filter((path) => !path.includes('{'))) {
    expect((await request(path, { method: 'PUT' })).status).toBe(405);
  }
  const page = await request('/v1/reference', { headers: { accept: 'text/html' } });
  expect(page.headers.get('content-type')).toContain('text/html');
  const text = await page.text();
  for (const path of Object.keys(document.paths)) expect(text).toContain(path);
  expect(text).not.toMatch(/<script/);
  expect(text).toContain('<td>number from 0 to 2</td>');
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
  test("B6: lets the keys and names of other gateways' clients through", async () => {
    const wanted = 'x-api-key, api-key, http-referer, x-title, openai-organization, x-request-id, traceparent';
    const response = await preflight({ ...friend, 'access-control-request-headers': `${wanted}, cookie` });
    expect(response.headers.get('access-control-allow-headers')).toBe(wanted);
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

describe('B5: base URLs', () => {
  const key = { authorization: 'Bearer x' };
  const json = { accept: 'application/json' };
  const visit = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

  test.each(['/chat/completions', '//v1/chat/completions', '/v1//chat/completions', '/v1/v1/chat/completions'])(
    'a chat at %s is answered',
    async (path) => {
      const { request } = gatewayFixture();
      const headers = { 'content-type': 'application/json' };
      const response = await request(path, { method: 'POST', body: JSON.stringify(ask()), headers });
      expect(await response.json()).toMatchObject({ object: 'chat.completion' });
    },
  );

  test.each(['/models', '//models', '/v1/models/', '//v1/models'])(
    'the models at %s are listed to a program',
    async (path) => {
      const { request } = gatewayFixture();
      for (const headers of [key, json, { 'api-key': 'x' }])
        expect(await (await request(path, { headers })).json()).toMatchObject({ object: 'list' });
    },
  );

  test('a browser that goes to /models gets the page, with a cookie for a key or without', async () => {
    const { request } = gatewayFixture();
    for (const headers of [visit, { ...visit, authorization: 'Basic eDp5' }])
      expect(await (await request('/models', { headers })).text()).toBe('a page');
  });

  test('a foreign page is judged there too, and a friendly one may ask first', async () => {
    const { request } = gatewayFixture();
    const options = { method: 'OPTIONS', headers: { ...friend, 'access-control-request-method': 'GET' } };
    for (const path of ['/models', '/chat/completions']) {
      expect((await request(path, options)).headers.get('access-control-allow-origin')).toBe(friend.origin);
      expect((await request(path, { headers: { ...foreign, ...json } })).status).toBe(403);
    }
  });

  test.each([
    ['/api/chat', { method: 'POST' }],
    ['/stats', { headers: key }],
    ['/docs', { headers: json }],
    ['/', { headers: key }],
    ['/v1', {}],
    ['/v1/nothing', { headers: visit }],
  ])('%s is 404 in JSON for a program', async (path, init) => {
    const { request } = gatewayFixture();
    const response = await request(path, init);
    expect(response.status).toBe(404);
    expect((await response.json()).error).toMatchObject({ code: 'not_found', message: expect.stringContaining('/v1') });
  });

  test('what the site does not have is said in JSON to a program and by the site to a visitor', async () => {
    const { request } = gatewayFixture(undefined, { site: async () => new Response('no page', { status: 404 }) });
    expect((await (await request('/stats')).json()).error.code).toBe('not_found');
    expect(await (await request('/stats', { headers: visit })).text()).toBe('no page');
  });
});

describe('models', () => {
  test('are what is served now, by name, counted over peers', async () => {
    const clock = manualClock();
    const signed = { by: worker.peer, expiresAt: 1_800_000_000_500 };
    const listingOf = (one: string) => (one === artefact ? signed : undefined);
    const { request, directory } = gatewayFixture(undefined, { clock, listingOf });
    const listed = async () => (await (await request('/v1/models')).json()).data;
    expect(await listed()).toEqual([]);
    announce(directory, clock, [{}, { name: 'org/other', artefact: 'b'.repeat(64), contextTokens: 100 }], 7);
    announce(directory, clock, [{ contextTokens: 1_024, features: ['tools'] }], 8);
    expect(await listed()).toEqual([
      {
        id: 'org/other',
        object: 'model',
        created: 1_700_000_000,
        owned_by: 'tabloom',
        tabloom: {
          artefacts: ['b'.repeat(64)],
          listed: false,
          peers: 1,
          contextTokens: 100,
          kinds: ['chat'],
          features: [],
        },
      },
      {
        id: 'tabloom-demo',
        object: 'model',
        created: 1_700_000_000,
        owned_by: 'tabloom',
        tabloom: {
          artefacts: [artefact],
          listed: true,
          listings: [{ artefact, by: worker.peer, expires_at: 1_800_000_000 }],
          peers: 2,
          contextTokens: 1_024,
          kinds: ['chat'],
          features: ['tools'],
        },
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

describe('monitoring', () => {
  const metrics = (token: string | undefined) => ({
    metrics: {
      requestOver: () => undefined,
      text: async () => 'up 1\n',
      contentType: 'text/plain; version=0.0.4',
      token,
    },
  });
  const scrape = async (
    token: string | undefined,
    client: string | undefined,
    authorization?: string,
    more: Readonly<Record<string, string>> = {},
  ) => {
    const { gateway } = gatewayFixture(undefined, metrics(token));
    const headers = { host: 'localhost', ...more, ...(authorization === undefined ? {} : { authorization }) };
    const request = new Request('http://localhost/metrics', { headers });
    return (await gateway.fetch(request, { client })).status;
  };

  test('metrics are for this machine, and for others by their token', async () => {
    expect(await scrape(undefined, '127.0.0.1')).toBe(200);
    expect(await scrape(undefined, '192.0.2.1')).toBe(404);
    // What a proxy of this machine forwards is not from here, even where it was not named as trusted.
    expect(await scrape(undefined, '127.0.0.1', undefined, { 'x-forwarded-for': '192.0.2.1' })).toBe(404);
    expect(await scrape(undefined, '127.0.0.1', undefined, { forwarded: 'for=192.0.2.1' })).toBe(404);
    expect(await scrape(undefined, undefined)).toBe(404);
    expect(await scrape(undefined, '192.0.2.1', 'Bearer ')).toBe(404);
    expect(await scrape('a-token-of-its-own', '192.0.2.1', 'Bearer another')).toBe(404);
    expect(await scrape('a-token-of-its-own', '192.0.2.1', 'Bearer a-token-of-its-own')).toBe(200);
  });

  test('requests are counted by route and status, without ids', async () => {
    const counted: (readonly [string, number])[] = [];
    const requestOver = (route: string, status: number) => void counted.push([route, status]);
    const { chat, request } = gatewayFixture(undefined, { metrics: { ...metrics(undefined).metrics, requestOver } });
    await chat(ask());
    await chat({});
    await request('/v1/models/secret-name');
    await request('/v1/elsewhere/secret-name');
    expect(counted).toEqual([
      ['/v1/chat/completions', 200],
      ['/v1/chat/completions', 400],
      ['/v1/models', 404],
      ['other', 404],
    ]);
  });

  test('ready says whether a request would be served, and why not', async () => {
    const clock = manualClock();
    let isWritable = true;
    const { request, directory } = gatewayFixture(undefined, { clock, ledgerWritable: async () => isWritable });
    const asked = async () => {
      const response = await request('/ready');
      return [response.status, await response.json()];
    };
    expect(await asked()).toEqual([503, { ready: false, reason: 'no-worker' }]);
    announce(directory, clock, [{}]);
    expect(await asked()).toEqual([200, { ready: true, reason: null }]);
    isWritable = false;
    expect(await asked()).toEqual([503, { ready: false, reason: 'ledger-unavailable' }]);
  });

  test('every response has a request id, and an answer what the gateway itself took', async () => {
    const { chat, request } = gatewayFixture();
    expect((await request('/v1/models')).headers.get('x-request-id')).toMatch(/^\S{8,}$/);
    expect((await request('/v1/nowhere')).headers.get('x-request-id')).toMatch(/^\S{8,}$/);
    for (const stream of [false, true]) {
      const { headers } = await chat(ask({ stream }));
      expect(headers.get('x-tabloom-overhead-ms')).toMatch(/^\d+\.\d$/);
    }
  });
});

test('a request for a job is known by its method and path alone, however its base URL is written', () => {
  for (const url of ['/v1/chat/completions', '/chat/completions?a=b', '/v1/v1/responses/', '//v1//embeddings']) {
    expect(isJobRequest({ method: 'POST', url }), url).toBe(true);
    expect(isJobRequest({ method: 'GET', url }), url).toBe(false);
  }
  for (const url of ['/v1/models', '/v1/responses/x', '/v1/credits/buy', '/', undefined, 'http://[', '/constructor'])
    expect(isJobRequest({ method: 'POST', url }), url).toBe(false);
});
