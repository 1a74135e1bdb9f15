import { describe, expect, test } from 'vitest';
import { TabloomError } from '#lib/base/errors.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { signClaimOrder } from './claim-order.ts';
import { createOrderStore } from './order-store.ts';
import {
  addressOfKey,
  entry,
  keyOf,
  startSeconds,
  testChain,
  testClock,
  testStorage,
  testTerms,
  walletOf,
} from './pay.fixture.ts';
import { closedSentinel, type SignedClaimOrder } from './spec.ts';
import { channelIdOf } from './terms.ts';
import { createVoucherSigner } from './voucher.ts';
import { createWatcher, type WatcherInit } from './watcher.ts';

const vouchers = createVoucherSigner(entry);
const validBefore = startSeconds + 10_000;

/** An order of signer `n` for channels, given as salt → promised amount. */
async function orderOf(
  amounts: Readonly<Record<number, bigint>>,
  changes: { n?: number; validBefore?: number; feePerClaim?: bigint } = {},
) {
  const { n = 4, ...rest } = changes;
  const claims = await Promise.all(
    Object.entries(amounts).map(async ([salt, amount]) => {
      const channel = testTerms(Number(salt), { providerSigner: addressOfKey(n) });
      const { cumulativeAmount, signature } = await vouchers.sign(keyOf(2), channelIdOf(channel), amount);
      return { channel, cumulativeAmount, signature };
    }),
  );
  const order = { claims, relay: addressOfKey(6), feePerClaim: 3n, validBefore, ...rest };
  return signClaimOrder(testChain(), walletOf(n), order);
}

async function watching(init: Partial<WatcherInit> = {}, storage = testStorage()) {
  const chain = testChain();
  const warnings: unknown[] = [];
  for (const n of [4, 5]) {
    for (const salt of [1, 2, 3]) {
      const id = channelIdOf(testTerms(salt, { providerSigner: addressOfKey(n) }));
      chain.states.set(id, { balance: 1_000n, claimed: 0n, withdrawableAt: 0 });
    }
  }
  const orders = createOrderStore(storage);
  const logger = { ...silentLogger, warn: (event: string, fields?: object) => warnings.push({ event, ...fields }) };
  const watcher = await createWatcher(
    { chain, clock: testClock(), wallet: walletOf(6), orders, logger },
    { rate: { units: 0n, wei: 1n }, ...init },
  );
  const held = async () => (await orders.list(10)).records;
  return { watcher, chain, held, warnings };
}

const superseded = { code: 'order-superseded' };

test('the order worth most is kept, not the one received last', async () => {
  const { watcher, held } = await watching();
  const [older, newer] = [await orderOf({ 1: 100n }), await orderOf({ 1: 900n })];
  await watcher.accept(older);
  await watcher.accept(newer);
  await expect(watcher.accept(older)).rejects.toMatchObject(superseded);
  // Valid for longer, but worth less.
  await expect(watcher.accept(await orderOf({ 1: 100n }, { validBefore: validBefore + 5 }))).rejects.toMatchObject(
    superseded,
  );
  expect(await held()).toEqual([newer]);
  await watcher.accept(newer);
  const longer = await orderOf({ 1: 900n }, { validBefore: validBefore + 5 });
  await watcher.accept(longer);
  await expect(watcher.accept(newer)).rejects.toMatchObject(superseded);
  expect(await held()).toEqual([longer]);
});

test.each([
  ['older first', 0],
  ['newer first', 1],
])('two simultaneous orders, %s: the newer one is kept', async (_, first) => {
  const { watcher, held } = await watching();
  const both = [await orderOf({ 1: 100n }), await orderOf({ 1: 900n })] as const;
  await Promise.allSettled([watcher.accept(both[first as 0 | 1]), watcher.accept(both[first === 0 ? 1 : 0])]);
  expect(await held()).toEqual([both[1]]);
});

test('an order may omit only claims that are worth nothing more', async () => {
  const { watcher, chain, held } = await watching();
  await watcher.accept(await orderOf({ 1: 100n, 2: 100n }));
  const next = await orderOf({ 1: 200n, 3: 50n });
  await expect(watcher.accept(next)).rejects.toMatchObject(superseded);
  const ended = channelIdOf(testTerms(2, { providerSigner: addressOfKey(4) }));
  chain.states.set(ended, { balance: 0n, claimed: 0n, withdrawableAt: closedSentinel });
  await watcher.accept(next);
  // The existing order lists more channels, but the extra ones are closed.
  await expect(watcher.accept(await orderOf({ 1: 200n, 2: 900n, 3: 50n }))).rejects.toMatchObject(superseded);
  expect(await held()).toEqual([next]);
});

test('the number of orders is bounded, however many arrive at once', async () => {
  const { watcher, held } = await watching({ ordersMax: 1 });
  const both: readonly SignedClaimOrder[] = [await orderOf({ 1: 5n }), await orderOf({ 1: 5n }, { n: 5 })];
  const outcomes = await Promise.allSettled(both.map((order) => watcher.accept(order)));
  expect(outcomes).toMatchObject([{ status: 'fulfilled' }, { reason: { code: 'too-many-orders' } }]);
  expect(await held()).toEqual([both[0]]);
});

test('an unreadable order is reported and does not affect others', async () => {
  const storage = testStorage(new Map<string, unknown>([['claim-order/x', 'nonsense']]));
  const first = await watching({}, storage);
  await first.watcher.accept(await orderOf({ 1: 5n }));
  const again = await watching({}, storage);
  expect(again.watcher.held()).toEqual([addressOfKey(4)]);
  expect(again.warnings).toEqual([{ event: 'orders-unreadable', keys: ['claim-order/x'] }]);
});

describe('a watcher cannot be drained', () => {
  /** Gas costs a thousandth of a unit: 89 units for one channel. */
  const rate = { units: 1n, wei: 10n ** 12n };

  test('by signers that are contracts, when an order comes in or when it is due', async () => {
    const { watcher, chain, held } = await watching();
    chain.contracts.add(addressOfKey(2));
    await expect(watcher.accept(await orderOf({ 1: 5n }))).rejects.toMatchObject({ code: 'contract-signer' });
    chain.contracts.clear();
    await watcher.accept(await orderOf({ 1: 5n }));
    // An ordinary account can become a contract afterwards.
    chain.contracts.add(addressOfKey(2));
    chain.now = validBefore - 60;
    expect(await watcher.round()).toEqual([]);
    expect(chain.sent).toEqual([]);
    expect(await held()).toHaveLength(1);
  });

  test('by what takes more gas than the fee pays for, whatever it should take', async () => {
    const { watcher, chain } = await watching({ rate });
    const order = await orderOf({ 1: 900n }, { feePerClaim: 600n });
    chain.gasOf = () => 500_000n;
    await expect(watcher.accept(order)).rejects.toMatchObject({
      code: 'order-unprofitable',
      details: { offered: '600', required: '625' },
    });
    chain.gasOf = () => 90_000n;
    await watcher.accept(order);
  });

  test('by fees in a token that is none of the chain’s', async () => {
    const { watcher, held } = await watching();
    const channel = testTerms(1, { providerSigner: addressOfKey(4), token: addressOfKey(9) });
    const { cumulativeAmount, signature } = await vouchers.sign(keyOf(2), channelIdOf(channel), 1_000n);
    const claims = [{ channel, cumulativeAmount, signature }];
    const order = { claims, relay: addressOfKey(6), feePerClaim: 900n, validBefore };
    const signed = await signClaimOrder(testChain(), walletOf(4), order);
    await expect(watcher.accept(signed)).rejects.toMatchObject({ code: 'token-unsupported' });
    expect(await held()).toEqual([]);
  });

  test('by long orders', async () => {
    const { watcher } = await watching({ claimsMax: 2 });
    const order = await orderOf({ 1: 5n, 2: 5n, 3: 5n });
    await expect(watcher.accept(order)).rejects.toMatchObject({ code: 'batch-too-long' });
  });

  test('by transactions that lose money: one a provider, a few a day, then it stops and says so', async () => {
    const { watcher, chain, held, warnings } = await watching({ lossesPerDayMax: 2, rate });
    const yes = `0x${'1'.padStart(64, '0')}` as const;
    chain.simulate = async () => yes;
    await watcher.accept(await orderOf({ 1: 900n }, { feePerClaim: 600n }));
    await watcher.accept(await orderOf({ 1: 900n }, { n: 5, feePerClaim: 600n }));
    chain.now = validBefore - 60;
    // The payer of the first was claimed from in the same block: nothing was left, and no fee was paid.
    const { transact } = chain;
    let sent = 0;
    chain.transact = async (...args) => {
      if (sent++ === 0) return { ...(await transact(...args)), gasUsed: 90_000n };
      throw new TabloomError('transaction-reverted', 'It failed.', { details: { hash: '0x12' } });
    };
    await watcher.round();
    expect(await held()).toEqual([]);
    const lost = warnings.filter((each) => (each as { event: string }).event === 'claim-for-lost');
    expect(lost).toEqual([4, 5].map((n) => ({ event: 'claim-for-lost', provider: addressOfKey(n) })));
    await watcher.round();
    expect(warnings.at(-1)).toEqual({ event: 'watcher-stopped', losses: 2, orders: 0 });
    chain.now = startSeconds;
    await expect(watcher.accept(await orderOf({ 1: 900n }, { feePerClaim: 600n }))).rejects.toMatchObject({
      code: 'relay-stopped',
    });
  });
});
