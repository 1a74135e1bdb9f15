import { expect, test } from 'vitest';
import { keyTermsSchema, type ApiKey } from '../api-key.ts';
import { hashOfKey } from '../api-key.ts';
import { writeCredits } from '../credit-amount.ts';
import type { Credits } from './credits.ts';
import { gatewayFixture, ask } from './gateway.fixture.ts';
import type { JobHold } from './metering.ts';

const text = `sk_${'a'.repeat(43)}`;
const keyOf = (owner: string | undefined): ApiKey => ({
  ...keyTermsSchema.parse({}),
  id: 'k',
  owner,
  createdAt: 0,
  revokedAt: undefined,
});

interface PaidInput {
  readonly key?: ApiKey;
  readonly isNew?: boolean;
  readonly metered?: Credits['metered'];
}

/** A gateway that charges, asked from another machine; `payment` is what a request with one brings. */
function paidGateway({ key, isNew = true, metered }: PaidInput = {}) {
  const taken: (readonly [bigint, string | undefined])[] = [];
  const holds: JobHold[] = [];
  const bought = new Set<string>();
  const wasBought: boolean[] = [];
  const credits: Credits = {
    price: { in: 1_000_000n, out: 2_000_000n },
    chain: { id: 1, name: 'A chain', token: 'USDC', payTo: '0xp' },
    cost: ({ tokensIn, tokensOut }) => BigInt(tokensIn + 2 * tokensOut),
    balance: async () => ({ units: 1_500_000n, held: 10n }),
    metered,
    carries: (headers) => headers.has('payment-signature'),
    async take({ headers }, units, address) {
      const signature = headers.get('payment-signature');
      if (signature === null || signature === 'bad') {
        const reason = signature === null ? undefined : 'It is bad';
        return { type: 'required', headers: [['payment-required', 'terms']], terms: { x402Version: 2 }, reason };
      }
      taken.push([units, address]);
      const paid = { payer: '0xa', address: address ?? '0xa', units, isNew, transaction: '0x1' };
      return { type: 'paid', ...paid, headers: [['payment-response', 'receipt']] };
    },
  };
  const fixture = gatewayFixture(undefined, {
    credits,
    bought,
    keys: { find: async (hash) => (hash === hashOfKey(text) ? key : undefined), hasOrigin: async () => false },
    metering: {
      hold: async (hold) => {
        holds.push(hold);
        wasBought.push(bought.has(hold.job));
      },
      close: async () => undefined,
    },
  });
  const send = (path: string, body: object, headers: Record<string, string> = {}) =>
    fixture.gateway.fetch(
      new Request(`http://localhost:8080${path}`, {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { host: 'localhost:8080', 'content-type': 'application/json', ...headers },
      }),
      { client: '198.51.100.7' },
    );
  const chat = (headers?: Record<string, string>) => send('/v1/chat/completions', ask({ max_tokens: 9 }), headers);
  return { chat, send, taken, holds, fixture, bought, wasBought };
}

test('a stranger without a payment gets the terms, and no work is done', async () => {
  const { chat, holds, fixture } = paidGateway();
  const response = await chat();
  expect(response.status).toBe(402);
  expect(response.headers.get('payment-required')).toBe('terms');
  expect(await response.json()).toMatchObject({
    x402Version: 2,
    scheme: 'exact',
    price_credits: '1',
    error: { code: 'payment_required' },
  });
  expect([holds, fixture.asked]).toEqual([[], []]);
});

test('a stranger with a payment is served, from the account of whoever signed', async () => {
  const { chat, taken, holds } = paidGateway();
  const response = await chat({ 'payment-signature': 'good' });
  expect(response.status).toBe(200);
  expect(response.headers.get('payment-response')).toBe('receipt');
  expect(taken).toEqual([[1_000_000n, undefined]]);
  expect(holds[0]).toMatchObject({ key: undefined, payer: '0xa' });
});

test('a payment that was carried before opens nobody’s account', async () => {
  const { chat, holds } = paidGateway({ isNew: false });
  const response = await chat({ 'payment-signature': 'good' });
  expect([response.status, holds]).toEqual([402, []]);
});

/** A gateway whose strangers may pay for what a stream comes to. */
function meteredGateway() {
  const settled: string[] = [];
  const { fixture, holds, send } = paidGateway({
    metered: {
      carries: (headers) => headers.get('payment-signature') === 'upto',
      async open() {
        return {
          type: 'open',
          id: 'permit',
          settle: async () => (settled.push('permit'), { success: true, amount: '7' }),
        };
      },
    },
  });
  const chat = (body: object, headers: Record<string, string> = {}) =>
    send('/v1/chat/completions', ask({ max_tokens: 9, ...body }), { 'payment-signature': 'upto', ...headers });
  return { chat, fixture, holds, settled };
}

test('what a stream has come to is collected after it, and its receipt is the last event', async () => {
  const { chat, holds, settled } = meteredGateway();
  const response = await chat({ stream: true });
  expect(response.status).toBe(200);
  expect(settled).toEqual([]);
  expect(await response.text()).toMatch(
    /data: \[DONE\]\n\nevent: payment-response\ndata: {"success":true,"amount":"7"}\n\n$/,
  );
  expect(holds[0]).toMatchObject({ permit: 'permit', payer: undefined });
  expect(settled).toEqual(['permit']);
});

test('it is collected where the client has left, too', async () => {
  const { chat, settled } = meteredGateway();
  const response = await chat({ stream: true });
  await response.body!.cancel();
  await expect.poll(() => settled).toEqual(['permit']);
});

test('a permit pays neither a whole answer nor one that may be repeated', async () => {
  const { chat, holds, fixture } = meteredGateway();
  const whole = await chat({});
  const repeated = await chat({ stream: true }, { 'idempotency-key': 'k' });
  expect([whole.status, repeated.status]).toEqual([402, 402]);
  expect((await whole.json()).error.message).toMatch(/"upto" pays for a streamed answer/);
  expect([holds, fixture.asked]).toEqual([[], []]);
});

test('a payment that is refused says why', async () => {
  const response = await paidGateway().chat({ 'payment-signature': 'bad' });
  expect(response.status).toBe(402);
  expect((await response.json()).error.message).toMatch(/^The payment was not taken: It is bad\. /);
});

test('a key of a wallet pays from its account, one of the operator not at all', async () => {
  const headers = { authorization: `Bearer ${text}` };
  const wallet = paidGateway({ key: keyOf('0xw') });
  expect((await wallet.chat(headers)).status).toBe(200);
  expect(wallet.holds[0]).toMatchObject({ key: { owner: '0xw' }, payer: undefined });
  const paying = await wallet.chat({ ...headers, 'payment-signature': 'good' });
  expect([paying.status, wallet.taken]).toEqual([200, [[1_000_000n, '0xw']]]);
  const operator = paidGateway({ key: keyOf(undefined) });
  expect((await operator.chat(headers)).status).toBe(200);
});

test('a job that somebody pays for is known as such while it runs', async () => {
  const headers = { authorization: `Bearer ${text}` };
  const plan: ApiKey = { ...keyOf(undefined), caps: { creditsPerMonth: 5 } };
  for (const [key, expected] of [
    [keyOf('0xw'), true],
    [plan, true],
    [keyOf(undefined), false],
  ] as const) {
    const { chat, bought, wasBought } = paidGateway({ key });
    expect((await chat(headers)).status).toBe(200);
    expect([wasBought, bought.size]).toEqual([[expected], 0]);
  }
  const stranger = paidGateway();
  await stranger.chat({ 'payment-signature': 'good' });
  expect(stranger.wasBought).toEqual([true]);
});

test('credits are bought for the wallet of the key, or else for whoever signs', async () => {
  const headers = { authorization: `Bearer ${text}`, 'payment-signature': 'good' };
  const { send, taken } = paidGateway({ key: keyOf('0xw') });
  expect(await (await send('/v1/credits/buy', { credits: 100 }, headers)).json()).toEqual({
    object: 'credit.purchase',
    credits: '100',
    address: '0xw',
    transaction: '0x1',
    chain: 1,
  });
  expect(await (await send('/v1/credits/buy', { credits: 1 }, { 'payment-signature': 'good' })).json()).toMatchObject({
    address: '0xa',
  });
  expect(taken.map(([units]) => units)).toEqual([100_000_000n, 1_000_000n]);
});

test('a key that stands in pages shows nobody what its wallet has', async () => {
  for (const [type, status] of [
    ['secret', 200],
    ['publishable', 401],
  ] as const) {
    const { fixture } = paidGateway({ key: { ...keyOf('0xw'), type } });
    const headers = { host: 'localhost:8080', authorization: `Bearer ${text}` };
    const request = new Request('http://localhost:8080/v1/credits', { headers });
    expect((await fixture.gateway.fetch(request, { client: '198.51.100.7' })).status).toBe(status);
  }
});

test('a relay without a price says that it sells nothing', async () => {
  const response = await gatewayFixture().post('/v1/credits/buy', { credits: 1 });
  expect([response.status, (await response.json()).error.code]).toEqual([404, 'credits_unavailable']);
});

test.each([
  [0n, '0'],
  [1n, '0.000001'],
  [1_250_000n, '1.25'],
  [100_000_000n, '100'],
])('%s micro-credits are written as %s', (units, written) => {
  expect(writeCredits(units)).toBe(written);
});
