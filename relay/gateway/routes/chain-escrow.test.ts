import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import type { DirectoryEntry } from '#lib/market/spec.ts';
import { announce, ask, gatewayFixture, worker } from '../gateway.fixture.ts';
import type { JobHold } from '../metering.ts';
import type { ChainEscrow, ChainEscrows } from './chain-escrow.ts';

const payer = `0x${'a'.repeat(40)}` as const;
const provider = `0x${'b'.repeat(40)}` as const;
const word = `0x${'c'.repeat(64)}` as const;
const body = { job: 'j', provider, model: 'tabloom-demo', units: 3, price_credits: '0.25', deadline: 2_000, chain: 1 };
const escrow: ChainEscrow = {
  payer,
  job: 'j',
  kind: 'llm',
  model: 'tabloom-demo',
  peer: worker.peer,
  provider,
  units: 3,
  price: 250_000n,
  deadline: 2_000_000,
  state: 'open',
  spent: 0n,
  channel: {
    chain: 1,
    contract: provider,
    id: word,
    amount: 7_500n,
    terms: {
      payer,
      payerSigner: payer,
      provider,
      providerSigner: provider,
      token: provider,
      delay: 0,
      deadline: 2_000,
      salt: word,
    },
  },
};

function scene({
  pays = true,
  there = undefined as ChainEscrow | undefined,
  price = '2500000',
  depositMin = '1',
  role = 'native' as 'native' | 'tab',
} = {}) {
  const clock = manualClock(1_000_000);
  const calls: unknown[] = [];
  const held: JobHold[] = [];
  const ended: string[] = [];
  const escrows: ChainEscrows = {
    chain: 1,
    creditsPerUnit: 100n,
    find: async () => there,
    async open(order) {
      calls.push(order);
      return { ...escrow, state: 'unfunded' };
    },
    async begin(wanted, ids) {
      calls.push({ begun: wanted });
      return { peer: worker.peer, budget: 7_500n, priceMax: 2_500_000n, end: () => void ended.push(ids[0]!) };
    },
    async refund(id) {
      calls.push({ refunded: id });
      return { ...escrow, state: 'refunded' };
    },
  };
  const offered = gatewayFixture(undefined, { clock });
  announce(offered.directory, clock, [{ price: { in: price, out: price } }]);
  const payout = { chain: 1, provider, providerSigner: provider, delay: 86_400, depositMin };
  const entries = offered.directory
    .entries()
    .map((entry) => ({ ...entry, offer: { ...entry.offer, payout, role } }) satisfies DirectoryEntry);
  const { request, asked } = gatewayFixture(undefined, {
    clock,
    directory: { entries: () => entries },
    chainEscrows: pays ? escrows : undefined,
    sessions: {
      drawNonce: async () => ({ nonce: '', expiresAt: 0 }),
      useNonce: async () => false,
      open: async () => ({ token: '', expiresAt: 0 }),
      find: async (token) => (token === 'session' ? payer : undefined),
      end: async () => undefined,
    },
    metering: { hold: async (hold) => void held.push(hold), close: async () => undefined },
  });
  const post = async (path: string, content: object, bearer = 'session') => {
    const response = await request(path, {
      method: 'POST',
      body: JSON.stringify(content),
      headers: { 'content-type': 'application/json', authorization: `Bearer ${bearer}` },
    });
    return { status: response.status, body: await response.json() };
  };
  return { post, calls, asked, held, ended };
}

test('a wallet is told the channel that its tokens go into', async () => {
  const { post, calls } = scene();
  const { status, body: shown } = await post('/llm/escrow', body);
  expect(status).toBe(200);
  expect(shown).toMatchObject({
    on: 'chain',
    state: 'unfunded',
    unit: '1k_tokens',
    escrowed_credits: '0.75',
    spent_credits: '0',
    channel: { chain: 1, id: word, amount: '7500', terms: { payer, delay: 0, deadline: 2_000 } },
  });
  expect(calls).toEqual([
    {
      kind: 'llm',
      model: 'tabloom-demo',
      payer,
      job: 'j',
      units: 3,
      price: 250_000n,
      deadline: 2_000,
      peer: worker.peer,
      provider,
      providerSigner: provider,
    },
  ]);
});

test('the same again finds it, whoever is there; other terms are refused', async () => {
  const { post, calls } = scene({ there: escrow, price: '9000000' });
  expect((await post('/llm/escrow', body)).body.state).toBe('open');
  expect((await post('/llm/escrow', { ...body, units: 4 })).body.error.code).toBe('escrow_exists');
  expect((await post('/llm/escrow', { ...body, deadline: 2_001 })).body.error.code).toBe('escrow_exists');
  expect(calls).toEqual([]);
});

test.each([
  ['nobody who has signed in', {}, {}, 401, 'not_signed_in', 'nobody'],
  ['a relay that pays nobody', { pays: false }, {}, 404, 'payments_unavailable', 'session'],
  ['another chain', {}, { chain: 2 }, 400, 'chain', 'session'],
  ['no model', {}, { model: '' }, 400, 'model', 'session'],
  ['a model that the provider does not serve', {}, { model: 'other' }, 400, 'provider', 'session'],
  ['somebody who serves nothing', {}, { provider: `0x${'d'.repeat(40)}` }, 400, 'provider', 'session'],
  ['a tab', { role: 'tab' as const }, {}, 400, 'provider', 'session'],
  ['a price below the provider’s', { price: '2500001' }, {}, 400, 'price_credits', 'session'],
  ['less than the provider serves for', { depositMin: '7501' }, {}, 400, 'units', 'session'],
  ['a part of a unit', {}, { units: 1, price_credits: '0.000001' }, 400, 'price_credits', 'session'],
])('%s gets no channel', async (_, scenery, change, status, what, bearer) => {
  const { post, calls } = scene(scenery);
  const refused = await post('/llm/escrow', { ...body, ...change }, bearer);
  expect([refused.status, [refused.body.error.code, refused.body.error.param]]).toEqual([
    status,
    expect.arrayContaining([what]),
  ]);
  expect(calls).toEqual([]);
});

test('an answer is paid for by the escrow it names: by its provider alone, within what lies there, and for no credits', async () => {
  const { post, calls, asked, held, ended } = scene();
  const { status } = await post('/v1/chat/completions', ask({ tabloom: { escrow: 'j' } }));
  expect(status).toBe(200);
  expect(calls).toEqual([{ begun: { payer, job: 'j', model: 'tabloom-demo' } }]);
  expect(asked).toMatchObject([
    { budget: '7500', priceMax: { in: '2500000', out: '2500000' }, only: [worker.peer], id: ended[0] },
  ]);
  expect(held).toMatchObject([{ price: 0n, payer: undefined, key: undefined }]);
  expect(ended).toHaveLength(1);
});

test.each([
  ['a stranger', ask({ tabloom: { escrow: 'j' } }), 'nobody', 'not_signed_in'],
  ['several models', ask({ tabloom: { escrow: 'j' }, models: ['catalogued'] }), 'session', 'bad_request'],
  ['a bad name', ask({ tabloom: { escrow: 'a b' } }), 'session', 'bad_request'],
])('%s: nothing is begun', async (_, content, bearer, code) => {
  const { post, calls } = scene();
  const { status, body: said } = await post('/v1/chat/completions', content, bearer);
  expect([status >= 400, said.error.code]).toEqual([true, code]);
  expect(calls).toEqual([]);
});

test('it comes back to its payer, and pays by what is delivered alone', async () => {
  const { post, calls } = scene();
  expect((await post('/llm/refund', { job: 'j', chain: 1 })).body.state).toBe('refunded');
  expect(calls).toEqual([{ refunded: { payer, job: 'j' } }]);
  expect((await post('/llm/release', { job: 'j', units: 3, chain: 1 })).body.error.code).toBe('escrow_on_chain');
  expect((await post('/llm/refund', { job: 'j', chain: 1, payer: provider })).body.error.param).toBe('payer');
});
