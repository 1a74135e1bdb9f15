import { privateKeyToAccount } from 'viem/accounts';
import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { createCreditShop, type CreditShopInit } from './credits.ts';
import { commands } from './settings/commands.ts';
import { charges } from './settings/credits.ts';

const priced = {
  PRICE_IN: 100_000_000n,
  PRICE_OUT: 250_000n,
  CREDITS_CHAIN: 31337,
  CREDITS_PAYEE: '0x23618e81E3f5cdF7f54C3d65f7FBc0aBf5B21E8f',
  CREDITS_KEY: `0x${'11'.repeat(32)}`,
  CHAIN_RPC_URL: undefined,
  PUBLIC_URL: undefined,
} satisfies CreditShopInit['env'];

const shopOf = (env: Partial<CreditShopInit['env']>) =>
  createCreditShop({
    env: { ...priced, ...env },
    book: {
      begin: () => Promise.reject(new Error('no book')),
      complete: async () => undefined,
      drop: async () => undefined,
      pending: async () => [],
      balance: async () => ({ units: 0n, held: 0n }),
    },
    permits: {
      begin: async () => false,
      find: async () => undefined,
      standing: async () => [],
      forget: async () => undefined,
      collected: async () => undefined,
      lost: async () => undefined,
      due: async () => [],
    },
    mark: async () => `0x${'1'.repeat(64)}`,
    secret: '0'.repeat(64),
    clock: manualClock(),
    logger: silentLogger,
    fetch: () => Promise.reject(new Error('no network')),
    signal: new AbortController().signal,
  });

test('nothing is sold where nothing has a price', () => {
  expect(charges({ ...priced, PRICE_IN: undefined, PRICE_OUT: undefined })).toBe(false);
  expect(charges({ ...priced, PRICE_IN: 0n, PRICE_OUT: undefined })).toBe(false);
  expect(charges(priced)).toBe(true);
});

test('a price without what it needs is refused by name', () => {
  expect(() => shopOf({ CREDITS_PAYEE: undefined })).toThrow(/CREDITS_PAYEE/);
  expect(() => shopOf({ CREDITS_KEY: undefined })).toThrow(/CREDITS_KEY/);
  expect(() => shopOf({ CREDITS_CHAIN: 5 })).toThrow(expect.objectContaining({ code: 'chain-unknown' }));
});

test('what a job costs is rounded up to a micro-credit', () => {
  const { cost } = shopOf({});
  expect(cost({ tokensIn: 1_000_000, tokensOut: 0 })).toBe(100_000_000n);
  expect(cost({ tokensIn: 0, tokensOut: 1 })).toBe(1n);
  expect(cost({ tokensIn: 3, tokensOut: 5 })).toBe(302n);
  expect(cost({ tokensIn: 0, tokensOut: 0 })).toBe(0n);
});

test('terms name the address that the client has asked, behind a proxy too', async () => {
  const shop = shopOf({ PUBLIC_URL: new URL('https://relay.example') });
  const request = { url: 'http://127.0.0.1:8080/v1/credits/buy?a=b', method: 'POST', headers: new Headers() };
  const asked = await shop.take(request, 1_000_000n);
  expect(asked).toMatchObject({
    type: 'required',
    terms: {
      resource: { url: 'https://relay.example/v1/credits/buy?a=b' },
      accepts: [{ amount: '10000', network: 'eip155:31337', payTo: priced.CREDITS_PAYEE }],
    },
  });
});

test('what an answer comes to is rounded up to a unit of the token, where it is paid on the chain', () => {
  const { costOnChain } = shopOf({});
  expect(costOnChain({ tokensIn: 3, tokensOut: 5 })).toBe(400n);
  expect(costOnChain({ tokensIn: 0, tokensOut: 0 })).toBe(0n);
});

test('a chain that says nothing is not waited for, and nothing is offered that it may not be able to do', async () => {
  const shop = shopOf({});
  shop.start();
  const request = { url: 'http://localhost/', method: 'POST', headers: new Headers() };
  const asked = await shop.take(request, 1_000_000n, undefined, { tokensIn: 9_000, tokensOut: 9_000 });
  expect(asked).toMatchObject({ type: 'required', terms: { accepts: [{ scheme: 'exact' }] } });
});

test('a payment that is no such thing is answered with the terms, and a reason', async () => {
  const shop = shopOf({});
  for (const [name, value, reason] of [
    ['payment-signature', 'nonsense', /no payment of x402/],
    ['payment-signature', btoa('{"x402Version":2}'), /no payment of x402/],
    ['payment-signature', btoa('null'), /no payment of x402/],
    ['authorization', 'Payment nonsense', /malformed/],
  ] as const) {
    const headers = new Headers({ [name]: value });
    expect(shop.carries(headers)).toBe(true);
    const asked = await shop.take({ url: 'http://localhost/', method: 'POST', headers }, 1_000_000n);
    expect(asked).toMatchObject({ type: 'required', reason: expect.stringMatching(reason) });
  }
});

const payer = privateKeyToAccount(`0x${'22'.repeat(32)}`);

/** A payment of x402 for exactly what is asked, and the terms it is for. */
async function signed(shop: ReturnType<typeof shopOf>, chainId = 31_337) {
  const request = { url: 'http://localhost/', method: 'POST', headers: new Headers() };
  const asked = await shop.take(request, 1_000_000n);
  if (asked.type !== 'required') throw new Error('paid without a payment');
  const [accepted] = asked.terms['accepts'] as { asset: `0x${string}`; extra: { name: string; version: string } }[];
  const seconds = Math.floor(Date.now() / 1_000);
  const authorization = {
    from: payer.address as string,
    to: priced.CREDITS_PAYEE,
    value: '10000',
    validAfter: '0',
    validBefore: `${seconds + 3_600}`,
    nonce: `0x${'33'.repeat(32)}`,
  };
  const uint = (name: string) => ({ name, type: 'uint256' });
  const address = (name: string) => ({ name, type: 'address' });
  const signature = await payer.signTypedData({
    domain: { ...accepted!.extra, chainId, verifyingContract: accepted!.asset },
    types: {
      TransferWithAuthorization: [
        address('from'),
        address('to'),
        uint('value'),
        uint('validAfter'),
        uint('validBefore'),
        { name: 'nonce', type: 'bytes32' },
      ],
    },
    primaryType: 'TransferWithAuthorization',
    message: authorization as never,
  });
  return { x402Version: 2, accepted: accepted as object, payload: { signature: signature as string, authorization } };
}
type Signed = Awaited<ReturnType<typeof signed>>;

const sendPayment = (shop: ReturnType<typeof shopOf>, payment: object) =>
  shop.take(
    {
      url: 'http://localhost/',
      method: 'POST',
      headers: new Headers({ 'payment-signature': btoa(JSON.stringify(payment)) }),
    },
    1_000_000n,
  );

test('a payment is collected when everything about it is right', async () => {
  const shop = shopOf({});
  await expect(sendPayment(shop, await signed(shop))).rejects.toMatchObject({ code: 'chain-unavailable' });
});

const ofPayment = (change: object) => (one: Signed) => ({ ...one, ...change });
const ofPayload = (change: object) => (one: Signed) => ({ ...one, payload: { ...one.payload, ...change } });
const ofAuthorization = (change: object) => (one: Signed) => ({
  ...one,
  payload: { ...one.payload, authorization: { ...one.payload.authorization, ...change } },
});

test.each<readonly [string, (one: Signed) => object]>([
  ['another version', ofPayment({ x402Version: 1 })],
  ['terms of another chain', (one) => ({ ...one, accepted: { ...one.accepted, network: 'eip155:1' } })],
  ['terms of another amount', (one) => ({ ...one, accepted: { ...one.accepted, amount: '1' } })],
  ['no authorization', ofPayload({ authorization: null })],
  ['no signature', ofPayload({ signature: undefined })],
  ['a short signature', ofPayload({ signature: '0x12' })],
  ['a signature of nothing', ofPayload({ signature: `0x${'00'.repeat(65)}` })],
  ['a list for its payload', ofPayment({ payload: [] })],
  ['another payee', ofAuthorization({ to: payer.address })],
  ['another payer', ofAuthorization({ from: priced.CREDITS_PAYEE })],
  ['no payer', ofAuthorization({ from: undefined })],
  ['another value', ofAuthorization({ value: '9999' })],
  ['a negative value', ofAuthorization({ value: '-10000' })],
  ['a value that is no text', ofAuthorization({ value: 10_000 })],
  ['a value beyond any word', ofAuthorization({ value: `${2n ** 256n}` })],
  ['another nonce', ofAuthorization({ nonce: `0x${'44'.repeat(32)}` })],
  ['a short nonce', ofAuthorization({ nonce: '0x33' })],
  ['an end that has passed', ofAuthorization({ validBefore: '1' })],
  ['an end beyond any word', ofAuthorization({ validBefore: `${2n ** 300n}` })],
  ['a beginning to come', ofAuthorization({ validAfter: `${2n ** 40n}` })],
])('a payment with %s is not collected, and is answered with the terms', async (_, change) => {
  const shop = shopOf({});
  const answer = await sendPayment(shop, change(await signed(shop)));
  expect(answer).toMatchObject({ type: 'required', reason: expect.any(String), terms: { accepts: [{}] } });
});

test('a payment that was signed for another chain is not collected', async () => {
  const shop = shopOf({});
  expect(await sendPayment(shop, await signed(shop, 1))).toMatchObject({ type: 'required' });
});

test.each([
  ['20', 20_000_000n],
  ['0.5', 500_000n],
  ['0.000001', 1n],
])('a price of %s is exact', (text, units) => {
  expect(commands.relay.settings.PRICE_IN.schema.parse(text)).toBe(units);
});

test.each(['-1', '1e3', '', '0.0000001', 'free', '1,5'])('a price of "%s" is none', (text) => {
  expect(commands.relay.settings.PRICE_IN.schema.safeParse(text).success).toBe(false);
});
