import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { checkEarning, createEarnings, type EarningsInit } from './earnings.ts';
import { commands } from './settings/commands.ts';
import { earns } from './settings/earning.ts';

const priced = {
  EARN_IN: 50_000n,
  EARN_OUT: 150_000n,
  EARN_CHAIN: 31337,
  EARN_KEY: `0x${'11'.repeat(32)}`,
  EARN_DEPOSIT_MIN: 500_000n,
  EARN_COIN_PRICE: 4_000_000_000n,
} satisfies EarningsInit['env'];

const earningsOf = (env: Partial<EarningsInit['env']> = {}) =>
  createEarnings({
    env: { ...priced, ...env },
    storage: createMemoryStorage(),
    clock: manualClock(),
    logger: silentLogger,
    fetch: () => Promise.reject(new Error('no network')),
  });

test('models are free where nothing has a price', () => {
  expect(earns({ ...priced, EARN_IN: undefined, EARN_OUT: undefined })).toBe(false);
  expect(earns({ ...priced, EARN_IN: 0n, EARN_OUT: undefined })).toBe(false);
  expect(earns(priced)).toBe(true);
});

test('a price without an account, or on a chain without contracts, is refused before anything is opened', () => {
  expect(() => checkEarning({ ...priced, EARN_KEY: undefined })).toThrow(/EARN_KEY/);
  expect(() => checkEarning({ ...priced, EARN_CHAIN: 8453 })).toThrow(/not deployed/);
  expect(checkEarning(priced).entry.id).toBe(31337);
});

test('a price may follow the queue, up to a bound that is not below it', async () => {
  expect((await earningsOf()).priceMax).toEqual({ in: '50000', out: '150000' });
  expect((await earningsOf({ EARN_OUT_MAX: 900_000n })).priceMax).toEqual({ in: '50000', out: '900000' });
  expect(() => checkEarning({ ...priced, EARN_IN_MAX: 49_999n })).toThrow(/EARN_IN_MAX is below EARN_IN/);
  expect(earns({ ...priced, EARN_IN: undefined, EARN_OUT: undefined, EARN_OUT_MAX: 1n })).toBe(true);
});

test('offers say where to pay, in wire form, while the chain does not respond', async () => {
  const { till, price } = await earningsOf();
  expect(price).toEqual({ in: '50000', out: '150000' });
  expect(till.payouts).toEqual([
    {
      chain: 31337,
      provider: '0x19e7e376e7c213b7e7e7e46cc70a5dd086daff2a',
      providerSigner: '0x19e7e376e7c213b7e7e7e46cc70a5dd086daff2a',
      delay: 86_400,
      depositMin: '500000',
    },
  ]);
});

test.each([
  ['2', 2_000_000n],
  ['0.05', 50_000n],
])('%s dollars are exact', (text, units) => {
  expect(commands.provide.settings.EARN_IN.schema.parse(text)).toBe(units);
});

test.each(['-1', '1e3', '0.0000001', '$2', '1,5'])('"%s" are no dollars', (text) => {
  expect(commands.provide.settings.EARN_IN.schema.safeParse(text).success).toBe(false);
});
