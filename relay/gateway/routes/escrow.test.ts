import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { keyTermsSchema, type ApiKey } from '../../api-key.ts';
import type { Credits } from '../credits.ts';
import { gatewayFixture } from '../gateway.fixture.ts';
import type { Escrows } from './escrow.ts';

const payer = `0x${'a'.repeat(40)}`;
const provider = `0x${'b'.repeat(40)}`;
const key = `sk_${'k'.repeat(43)}`;
const keyOf = (terms: object, owner: string | undefined): ApiKey => ({
  ...keyTermsSchema.parse(terms),
  id: 'k',
  owner,
  createdAt: 0,
  revokedAt: undefined,
});
const credits: Credits = {
  price: { in: 1n, out: 1n },
  chain: { id: 1, name: 'A chain', token: 'USDC', payTo: '0xp' },
  cost: () => 0n,
  balance: async () => ({ units: 0n, held: 0n }),
  carries: () => false,
  take: () => Promise.reject(new Error('nothing is taken')),
};

function scene({ found, sells = true }: { readonly found?: ApiKey; readonly sells?: boolean } = {}) {
  const asked: unknown[] = [];
  const state = { delivered: 0, paid: 0n, share: 0n, refunded: 0n } as const;
  const escrows: Escrows = {
    async open(terms) {
      asked.push(terms);
      return { ...terms, ...state, state: 'open' };
    },
    async release(id, units) {
      asked.push([id, units]);
      throw new TabloomError('escrow-closed', 'It is closed.');
    },
    async refund(id, by) {
      asked.push([id, by]);
      throw new TabloomError('escrow-not-due', 'Later.', { details: { retryAfterMs: 60_000 } });
    },
  };
  const { request } = gatewayFixture(undefined, {
    clock: manualClock(1_000_000),
    escrows,
    credits: sells ? credits : undefined,
    keys: { find: async () => found, hasOrigin: async () => false },
    sessions: {
      drawNonce: async () => ({ nonce: '', expiresAt: 0 }),
      useNonce: async () => false,
      open: async () => ({ token: '', expiresAt: 0 }),
      find: async (token) => (token === 'session' ? payer : undefined),
      end: async () => undefined,
    },
  });
  const post = async (path: string, body: object, bearer = 'session') => {
    const response = await request(path, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', authorization: `Bearer ${bearer}` },
    });
    return { status: response.status, body: await response.json(), headers: response.headers };
  };
  return { post, request, asked };
}

const terms = { job: 'j', provider, units: 12, price_credits: '0.25', deadline: 2_000 };

test('an escrow is exact, and of the wallet that has signed in', async () => {
  const { post, asked } = scene();
  const { status, body } = await post('/llm/escrow', {
    ...terms,
    provider: provider.toUpperCase().replace('0X', '0x'),
  });
  expect(status).toBe(200);
  expect(body).toMatchObject({ state: 'open', unit: '1k_tokens', escrowed_credits: '3', price_credits: '0.25' });
  expect(asked).toEqual([
    { kind: 'llm', model: '', payer, job: 'j', provider, units: 12, price: 250_000n, deadline: 2_000_000 },
  ]);
});

test.each([
  ['units', { units: -1 }],
  ['units', { units: 0 }],
  ['units', { units: 0.5 }],
  ['units', { units: '5' }],
  ['units', { units: 1_000_000_000, price_credits: '1' }],
  ['price_credits', { price_credits: 0.25 }],
  ['price_credits', { price_credits: '-1' }],
  ['price_credits', { price_credits: '0' }],
  ['price_credits', { price_credits: '0.0000001' }],
  ['price_credits', { price_credits: '1e3' }],
  ['provider', { provider: '0x1' }],
  ['provider', { provider: payer }],
  ['job', { job: 'a job' }],
  ['deadline', { deadline: 1.5 }],
  ['deadline', { deadline: 9_000_000_000 }],
  ['body', { more: 1 }],
])('an escrow with another %s is refused by name: %j', async (param, more) => {
  const { post, asked } = scene();
  const { status, body } = await post('/llm/escrow', { ...terms, ...more });
  expect([status, body.error.param]).toEqual([400, param]);
  expect(asked).toEqual([]);
});

test('a secret key of a wallet acts for it; others do not', async () => {
  const wallet = scene({ found: keyOf({}, payer) });
  expect((await wallet.post('/llm/escrow', terms, key)).status).toBe(200);
  expect(wallet.asked).toMatchObject([{ payer }]);
  const publishable = { type: 'publishable', origins: ['https://a.example'], caps: { requestsPerDay: 1 } };
  const others = [
    scene({ found: keyOf({}, undefined) }),
    scene({ found: { ...keyOf(publishable, payer), origins: [] } }),
  ];
  for (const other of others) expect((await other.post('/llm/escrow', terms, key)).status).toBe(401);
  expect((await scene().post('/llm/escrow', terms, 'nonsense')).body.error.code).toBe('not_signed_in');
});

test.each([
  ['a plan', { caps: { creditsPerMonth: 5 } }],
  ['a cap of tokens', { caps: { tokensTotal: 1_000 } }],
  ['a cap of requests', { caps: { requestsPerDay: 1 } }],
  ['models of its own', { models: ['m'] }],
])('a key with %s cannot reach past it for all that its wallet has', async (_, limited) => {
  const { post, asked } = scene({ found: keyOf(limited, payer) });
  const bodies = { escrow: terms, release: { job: 'j', units: 1 }, refund: { job: 'j' } };
  for (const [step, body] of Object.entries(bodies)) {
    const { status, body: answer } = await post(`/llm/${step}`, body, key);
    expect([status, answer.error.code]).toEqual([403, 'key_limited']);
  }
  expect(asked).toEqual([]);
  const rated = scene({ found: keyOf({ caps: { requestsPerMinute: 5 } }, payer) });
  expect((await rated.post('/llm/escrow', terms, key)).status).toBe(200);
});

test('a refund is asked for by the payer, or by the provider that names it', async () => {
  const { post, asked } = scene();
  const refused = await post('/llm/refund', { job: 'j' });
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([409, '60']);
  await post('/llm/refund', { job: 'j', payer: provider });
  expect(asked).toEqual([
    [{ payer, job: 'j' }, 'payer'],
    [{ payer: provider, job: 'j', provider: payer }, 'provider'],
  ]);
});

test('what is closed stays so, and says it', async () => {
  const { post, asked } = scene();
  const { status, body } = await post('/llm/release', { job: 'j', units: 0 });
  expect([status, body.error.code]).toEqual([409, 'escrow_closed']);
  expect(asked).toEqual([[{ payer, job: 'j' }, 0]]);
});

test('its answers have an id, and are not stored on the way', async () => {
  const { headers } = await scene().post('/llm/escrow', terms);
  expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  expect(headers.get('cache-control')).toBe('no-store');
  const refused = await scene().post('/render/refund', {});
  expect(refused.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
});

test('a GET changes nothing', async () => {
  const { request, asked } = scene();
  for (const path of ['/llm/escrow', '/llm/release', '/llm/refund']) {
    const response = await request(path);
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
  }
  expect(asked).toEqual([]);
});

test.each(['render', 'voice'])('%s is answered with what to do instead', async (kind) => {
  for (const step of ['escrow', 'release', 'refund']) {
    const { status, body } = await scene().post(`/${kind}/${step}`, {});
    expect([status, body.error.code]).toEqual([501, 'kind_unavailable']);
    expect(body.error.message).toContain('/llm/escrow');
  }
});

test('a relay without a price holds nothing', async () => {
  const { status, body } = await scene({ sells: false }).post('/llm/escrow', terms);
  expect([status, body.error.code]).toEqual([404, 'credits_unavailable']);
});
