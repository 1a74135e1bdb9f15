import { describe, expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { seededRandom } from '#lib/base/random.ts';
import { drawKey, hashOfKey, keyTermsSchema, type ApiKey } from '../api-key.ts';
import { announce, answers, ask, endless, failed, gatewayFixture, worker, type Script } from './gateway.fixture.ts';
import type { JobClosing, JobHold, Metering } from './metering.ts';

const clock = manualClock();
const key = drawKey('secret', seededRandom(1));
const page = 'https://widget.example';

const scene = (terms: object = {}, more: Partial<ApiKey> & { readonly keysNeeded?: 'required' } = {}) => {
  const { keysNeeded = 'optional', ...state } = more;
  const record: ApiKey = {
    ...keyTermsSchema.parse(terms),
    id: hashOfKey(key).slice(0, 16),
    owner: undefined,
    createdAt: 0,
    revokedAt: undefined,
    ...state,
  };
  const looked: string[] = [];
  const keys = {
    async find(hash: string) {
      looked.push(hash);
      return hash === hashOfKey(key) ? record : undefined;
    },
    hasOrigin: async (origin: string) => record.origins.includes(origin),
  };
  const owner = { jobs: new Set<string>(), peer: () => worker.peer };
  const owned: boolean[] = [];
  const script: Script = (request, signal, time) => {
    owned.push(owner.jobs.has(request.id!));
    return answers('Hello')(request, signal, time);
  };
  const fixture = gatewayFixture(script, { clock, keys, keysNeeded, owner });
  const from = (client: string, headers: Record<string, string> = {}, body: object = ask()) =>
    fixture.gateway.fetch(
      new Request('http://localhost:8080/v1/chat/completions', {
        method: 'POST',
        headers: { host: 'localhost:8080', 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      }),
      { client },
    );
  return { ...fixture, from, looked, owner, owned };
};
const bearer = { authorization: `Bearer ${key}` };
const outcome = async (response: Response) => ({
  status: response.status,
  code: response.ok ? undefined : (await response.json()).error.code,
});
const ok = { status: 200, code: undefined };
const invalid = { status: 401, code: 'invalid_api_key' };

describe('a key', () => {
  test.each([
    ['as a bearer', bearer],
    ['as x-api-key', { 'x-api-key': key }],
    ['as api-key', { 'api-key': key }],
  ])('is read %s', async (_name, headers) => {
    const { from, looked } = scene();
    expect(await outcome(await from('192.0.2.1', headers))).toEqual(ok);
    expect(looked).toEqual([hashOfKey(key)]);
  });

  test('that is unknown, revoked or expired is refused, on loopback too and for reading', async () => {
    const wrong = { authorization: `Bearer ${drawKey('secret', seededRandom(2))}` };
    const { from, request, asked } = scene();
    const refused = await from('127.0.0.1', wrong);
    expect(refused.headers.get('www-authenticate')).toBe('Bearer');
    expect(await outcome(refused)).toEqual(invalid);
    expect(await outcome(await request('/v1/models', { headers: wrong }))).toEqual(invalid);
    expect(asked).toEqual([]);
    expect(await outcome(await scene({}, { revokedAt: 1 }).from('127.0.0.1', bearer))).toEqual(invalid);
    expect(await outcome(await scene({ expiresAt: clock.now() }).from('127.0.0.1', bearer))).toEqual(invalid);
    expect(await outcome(await scene({ expiresAt: clock.now() + 1 }).from('127.0.0.1', bearer))).toEqual(ok);
  });

  test('is not looked for in what other servers call a key', async () => {
    const { from, looked } = scene();
    for (const text of ['not-needed', 'sk-proj-1234', 'sk_short', `${key}x`]) {
      expect(await outcome(await from('192.0.2.1', { authorization: `Bearer ${text}` }))).toEqual(ok);
    }
    expect(looked).toEqual([]);
  });

  test('opens the models that it names and no other, as a fallback neither', async () => {
    const { from } = scene({ models: ['tabloom-demo'] });
    const other = { status: 403, code: 'model_not_allowed' };
    expect(await outcome(await from('192.0.2.1', bearer))).toEqual(ok);
    expect(await outcome(await from('192.0.2.1', bearer, ask({ model: 'catalogued' })))).toEqual(other);
    expect(await outcome(await from('192.0.2.1', bearer, ask({ model: 'auto' })))).toEqual(other);
    expect(await outcome(await from('192.0.2.1', bearer, ask({ models: ['catalogued'] })))).toEqual(other);
  });
});

describe('where keys are required', () => {
  const required = { keysNeeded: 'required' } as const;
  test('strangers need one to ask, and none to look around', async () => {
    const { from, gateway } = scene({}, required);
    expect(await outcome(await from('192.0.2.1'))).toEqual(invalid);
    expect(await outcome(await from('192.0.2.1', { authorization: 'Bearer not-needed' }))).toEqual(invalid);
    expect(await outcome(await from('192.0.2.1', bearer))).toEqual(ok);
    const models = new Request('http://localhost:8080/v1/models', { headers: { host: 'localhost:8080' } });
    expect(await outcome(await gateway.fetch(models, { client: '192.0.2.1' }))).toEqual(ok);
  });
  test('this machine needs none, unless a proxy on it speaks for others', async () => {
    const { from } = scene({}, required);
    expect(await outcome(await from('127.0.0.1'))).toEqual(ok);
    expect(await outcome(await from('::1'))).toEqual(ok);
    expect(await outcome(await from('127.0.0.1', { 'x-forwarded-for': '192.0.2.1' }))).toEqual(invalid);
    expect(await outcome(await from('127.0.0.1', { forwarded: 'for=192.0.2.1' }))).toEqual(invalid);
  });
});

describe('a publishable key', () => {
  const terms = { type: 'publishable', origins: [page], caps: { requestsPerDay: 10 } };
  const widget = { ...bearer, origin: page };

  test('needs origins and a daily cap', () => {
    const paths = (given: object) =>
      keyTermsSchema.safeParse(given).error?.issues.map(({ path }) => path.join('.')) ?? [];
    expect(paths(terms)).toEqual([]);
    expect(paths({ type: 'publishable' })).toEqual(['origins', 'caps']);
    expect(paths({ ...terms, caps: { requestsTotal: 10 } })).toEqual(['caps']);
  });

  test('lets pages of its origin in, which can read the answer', async () => {
    const { from } = scene(terms);
    const answer = await from('192.0.2.1', widget);
    expect(answer.headers.get('access-control-allow-origin')).toBe(page);
    expect(await outcome(answer)).toEqual(ok);
  });

  test('is worth nothing to other pages, to programs, or once it is revoked', async () => {
    const { from } = scene(terms);
    const refused = { status: 403, code: 'origin_not_allowed' };
    expect(await outcome(await from('192.0.2.1', { ...bearer, origin: 'https://other.example' }))).toEqual(refused);
    expect(await outcome(await from('192.0.2.1', { ...bearer, origin: 'https://app.example' }))).toEqual(refused);
    expect(await outcome(await from('192.0.2.1', bearer))).toEqual(refused);
    expect(await outcome(await from('127.0.0.1', bearer))).toEqual(refused);
    expect(await outcome(await from('192.0.2.1', { origin: page }))).toEqual(refused);
    const revoked = await scene(terms, { revokedAt: 1 }).from('192.0.2.1', widget);
    expect(revoked.headers.get('access-control-allow-origin'), 'the page can read why').toBe(page);
    expect(await outcome(revoked)).toEqual(invalid);
  });

  test('opens preflights to its origin alone', async () => {
    const { request } = scene(terms);
    const preflight = (origin: string) =>
      request('/v1/chat/completions', {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' },
      });
    const allowed = await preflight(page);
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get('access-control-allow-headers')).toBe('authorization');
    expect((await preflight('https://other.example')).status).toBe(403);
  });
});

describe('the ledger', () => {
  const metered = (script = answers('Hello', ', you'), refusal?: TabloomError) => {
    const held: JobHold[] = [];
    const closed: JobClosing[] = [];
    const metering: Metering = {
      async hold(hold) {
        held.push(hold);
        if (refusal) throw refusal;
      },
      close: async (closing) => void closed.push(closing),
    };
    return { ...gatewayFixture(script, { metering }), held, closed };
  };

  test('holds the most a job may use before anyone is asked, and is closed by what it used', async () => {
    const { chat, asked, held, closed } = metered();
    await chat(ask({ max_tokens: 7 }));
    const { id } = asked[0]!;
    expect(held).toEqual([
      { job: id, ids: [id], isLevied: false, most: { tokensIn: expect.any(Number), tokensOut: 7 } },
    ]);
    expect(held[0]!.most.tokensIn).toBeGreaterThan(1);
    const run = { model: 'tabloom-demo', kind: 'chat', peer: worker.peer, outcome: 'finished', ms: expect.any(Number) };
    expect(closed).toEqual([{ job: id, used: { tokensIn: 5, tokensOut: 2 }, run }]);
  });

  test('counts nothing for a job that failed, and once for two models', async () => {
    const { chat, closed, held } = metered(async function* () {
      yield failed('no-peer-available');
    });
    await chat(ask({ models: ['catalogued'] }));
    expect(held.map(({ ids }) => ids.length)).toEqual([2]);
    expect(closed).toMatchObject([{ job: held[0]!.job, used: undefined, run: { outcome: 'failed', peer: undefined } }]);
  });

  test('counts what a client had received when it left', async () => {
    const { promise: stopped, resolve } = Promise.withResolvers<void>();
    const { chat, closed, jobs } = metered(endless(resolve));
    const { body } = await chat(ask({ stream: true }));
    const reader = body!.getReader();
    for (let read = 0; read < 4; read++) await reader.read();
    await reader.cancel();
    await stopped;
    await jobs.idle({});
    expect(closed).toHaveLength(1);
    expect(closed[0]!.used!.tokensOut).toBeGreaterThan(1);
  });

  test('that refuses stops the request before anyone is asked, and no client tries again at once', async () => {
    const { chat, asked, closed, jobs } = metered(
      undefined,
      new TabloomError('insufficient-quota', 'No more for today.', { details: { retryAfterMs: 3_600_000 } }),
    );
    for (const more of [{}, { stream: true }]) {
      const refused = await chat(ask(more));
      expect(refused.status).toBe(429);
      expect(refused.headers.get('retry-after')).toBe('3600');
      expect(refused.headers.get('x-should-retry')).toBe('false');
      expect((await refused.json()).error).toMatchObject({ code: 'insufficient_quota', type: 'insufficient_quota' });
    }
    expect({ asked, closed, running: jobs.counts.running }).toEqual({ asked: [], closed: [], running: 0 });
  });
});

test('a key that names its models is not taken beyond them to another provider', async () => {
  for (const [models, count] of [
    [['m'], 0],
    [['m', 'm:upstream'], 1],
    [[], 1],
  ] as const) {
    const { from, asked, directory } = scene({ models: [...models] });
    announce(directory, clock, [
      { name: 'm', running: 1 },
      { name: 'm:upstream', artefact: 'b'.repeat(64), upstream: true },
    ]);
    expect(await outcome(await from('192.0.2.1', bearer, ask({ model: 'm' })))).toEqual(ok);
    expect(asked.filter(({ model }) => JSON.stringify(model).includes('upstream'))).toHaveLength(count);
  }
});

describe("the owner's jobs", () => {
  const wallet = { owner: `0x${'1'.repeat(40)}` };
  const publishable = { type: 'publishable', origins: [page], caps: { requestsPerDay: 9 } };
  test.each<[string, boolean, ReturnType<typeof scene>, string, Record<string, string>]>([
    ['a program on this machine', true, scene(), '127.0.0.1', {}],
    ['a key that the operator made', true, scene(), '192.0.2.1', bearer],
    ['a stranger', false, scene(), '192.0.2.1', {}],
    ['somebody behind a proxy on this machine', false, scene(), '127.0.0.1', { 'x-forwarded-for': '192.0.2.1' }],
    ['a key that a wallet made', false, scene({}, wallet), '192.0.2.1', bearer],
    ['a key that stands in a page', false, scene(publishable), '192.0.2.1', { ...bearer, origin: page }],
  ])('those of %s: %o', async (_name, isOwners, { from, owner, owned, asked }, client, headers) => {
    expect(await outcome(await from(client, headers))).toEqual(ok);
    expect(owned).toEqual([isOwners]);
    expect(asked[0]!.order).toEqual(isOwners ? [worker.peer] : undefined);
    expect(owner.jobs.size).toBe(0);
  });

  test('go where the request says, if it says so', async () => {
    const { from, asked } = scene();
    const order = ['12D3KooWGjMQr4kMMQ2ZbBYPAwdtKzKnBTcpRaVXGpvLhHAbp1bx'];
    expect(await outcome(await from('127.0.0.1', {}, ask({ provider: { order } })))).toEqual(ok);
    expect(asked[0]!.order).toEqual(order);
  });
});
