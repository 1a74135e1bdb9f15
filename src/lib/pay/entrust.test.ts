import { expect, test } from 'vitest';
import { checkClaimOrder } from './claim-order.ts';
import { createEntrusting } from './entrust.ts';
import { payError } from './errors.ts';
import {
  addressOfKey,
  entry,
  keyOf,
  startSeconds,
  testChain,
  testPayee,
  testStorage,
  testTerms,
  walletOf,
} from './pay.fixture.ts';
import type { SignedClaimOrder } from './spec.ts';
import { channelIdOf } from './terms.ts';
import { createVoucherSigner, voucherRecord } from './voucher.ts';

const vouchers = createVoucherSigner(entry);
const relayAddress = addressOfKey(9);
const job = testTerms(99, { delay: 0, deadline: startSeconds + 900 });

async function setup({ feeMax = 50_000n, fee = 100n } = {}) {
  const chain = testChain();
  const payee = await testPayee(testStorage(), { chain });
  const orders: SignedClaimOrder[] = [];
  const relay = {
    fee,
    refuses: false,
    quoted: 0,
    quoteClaims: async () => (relay.quoted++, { relay: relayAddress, feePerClaim: relay.fee }),
    entrust: async (order: SignedClaimOrder) => {
      if (relay.refuses) throw payError('relay-unavailable');
      orders.push(order);
    },
  };
  const { entrust } = createEntrusting({ chain, payee, signer: walletOf(4), relay }, { feeMax });
  const earn = async (salt: number, units: bigint, terms = testTerms(salt)) => {
    const id = channelIdOf(terms);
    chain.states.set(id, { balance: 10_000_000n, claimed: 0n, withdrawableAt: 0 });
    await payee.admit(terms);
    await payee.receive(voucherRecord(await vouchers.sign(keyOf(2), id, units)));
    return id;
  };
  return { chain, payee, relay, orders, entrust, earn };
}

test('what is unclaimed is left with the relay, in an order that it can use and nobody else', async () => {
  const { orders, entrust, earn } = await setup();
  const [small, large] = [await earn(1, 1_000n), await earn(2, 2_000n)];
  expect(await entrust()).toEqual([large, small]);
  const [order] = orders;
  expect(order!.order).toMatchObject({
    relay: relayAddress,
    feePerClaim: 100n,
    validBefore: startSeconds + 30 * 86_400,
  });
  expect(order!.claims.map(({ cumulativeAmount }) => cumulativeAmount)).toEqual([2_000n, 1_000n]);
  await checkClaimOrder(entry, order!, { relay: relayAddress, now: startSeconds });
});

test('nothing is asked and nothing signed without something new; after a week the order is renewed', async () => {
  const { chain, relay, orders, entrust, earn } = await setup();
  expect(await entrust()).toEqual([]);
  expect(relay.quoted).toBe(0);
  const id = await earn(1, 1_000n);
  await entrust();
  expect(await entrust()).toEqual([]);
  expect([relay.quoted, orders.length]).toEqual([1, 1]);
  await earn(1, 1_500n);
  expect(await entrust()).toEqual([id]);
  chain.now += 7 * 86_400;
  expect(await entrust()).toEqual([id]);
  expect(orders.map(({ claims }) => claims[0]!.cumulativeAmount)).toEqual([1_000n, 1_500n, 1_500n]);
});

test('a fee takes at most a quarter of a claim, and no more than its owner allows', async () => {
  const { relay, orders, entrust, earn } = await setup({ feeMax: 200n });
  // Of 499 units at least 399 are the provider's, and a quarter of that is less than the fee.
  await earn(1, 499n);
  expect(await entrust()).toEqual([]);
  const id = await earn(2, 500n);
  expect(await entrust()).toEqual([id]);
  relay.fee = 201n;
  await earn(2, 9_000n);
  await expect(entrust()).rejects.toMatchObject({ code: 'sponsor-too-dear' });
  expect(orders).toHaveLength(1);
});

test('a job is not entrusted, as its first claim would end it', async () => {
  const { relay, entrust, earn } = await setup();
  await earn(0, 1_000n, job);
  expect(await entrust()).toEqual([]);
  expect(relay.quoted).toBe(0);
});

test('an order holds fifty claims, first those that the relay has already', async () => {
  const { orders, entrust, earn } = await setup();
  const first = await earn(1, 1_000n);
  await entrust();
  for (let salt = 2; salt <= 52; salt++) await earn(salt, BigInt(salt) * 1_000n);
  const entrusted = await entrust();
  expect(entrusted).toHaveLength(50);
  expect(entrusted[0]).toBe(first);
  expect(orders[1]!.claims.slice(1, 3).map(({ cumulativeAmount }) => cumulativeAmount)).toEqual([52_000n, 51_000n]);
});

test('what a relay did not take is left with it the next time; calls do not pile up', async () => {
  const { relay, orders, entrust, earn } = await setup();
  await earn(1, 1_000n);
  relay.refuses = true;
  await expect(entrust()).rejects.toMatchObject({ code: 'relay-unavailable' });
  relay.refuses = false;
  const results = await Promise.all([entrust(), entrust(), entrust(), entrust()]);
  expect(results.map(({ length }) => length)).toEqual([1, 0, 0, 0]);
  expect(orders).toHaveLength(1);
});
