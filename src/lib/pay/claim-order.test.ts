import { describe, expect, test } from 'vitest';
import { voucherUnitsMax } from './amount.ts';
import { checkClaimOrder, signClaimOrder } from './claim-order.ts';
import { claimOrderRecord, createOrderStore, parseClaimOrder } from './order-store.ts';
import {
  addressOfKey,
  entry,
  keyOf,
  startSeconds as now,
  testChain,
  testStorage,
  testTerms,
  walletOf,
} from './pay.fixture.ts';
import type { SignedClaimOrder } from './spec.ts';
import { channelIdOf } from './terms.ts';
import { createVoucherSigner } from './voucher.ts';

const relay = addressOfKey(6);
const chain = testChain();

async function order(changes: Partial<Parameters<typeof signClaimOrder>[2]> = {}, wallet = walletOf(4)) {
  const vouchers = createVoucherSigner(entry);
  const claims = await Promise.all(
    [testTerms(1), testTerms(2)].map(async (channel) => {
      const { signature, cumulativeAmount } = await vouchers.sign(keyOf(2), channelIdOf(channel), 50n);
      return { channel, cumulativeAmount, signature };
    }),
  );
  return signClaimOrder(chain, wallet, { claims, relay, feePerClaim: 3n, validBefore: now + 10, ...changes });
}

describe('a claim order', () => {
  test('is valid for the relay it names, until it expires', async () => {
    await checkClaimOrder(entry, await order(), { relay, now: now + 9 });
    await checkClaimOrder(entry, await order({ relay: null }), { relay: addressOfKey(9), now });
  });

  const changed = async (change: (signed: SignedClaimOrder) => SignedClaimOrder) => change(await order());
  test.each([
    ['for another relay', () => order({ relay: addressOfKey(9) }), 'wrong-relay'],
    ['that has expired', () => changed((o) => ({ ...o, order: { ...o.order, validBefore: now } })), 'order-expired'],
    ['with a claim left out', () => changed((o) => ({ ...o, claims: o.claims.slice(1) })), 'order-mismatch'],
    ['with claims in another order', () => changed((o) => ({ ...o, claims: o.claims.toReversed() })), 'order-mismatch'],
    [
      'with an older voucher put in',
      () => changed((o) => ({ ...o, claims: [{ ...o.claims[0]!, cumulativeAmount: 49n }, o.claims[1]!] })),
      'order-mismatch',
    ],
    [
      'that names a channel twice',
      () => changed((o) => ({ ...o, claims: [o.claims[0]!, { ...o.claims[0]!, cumulativeAmount: 51n }] })),
      'order-repeats',
    ],
    [
      'that exceeds the maximum validity',
      () => changed((o) => ({ ...o, order: { ...o.order, validBefore: now + 32 * 86_400 + 1 } })),
      'order-too-long',
    ],
    ['without claims', () => changed((o) => ({ ...o, claims: [] })), 'batch-empty'],
    ['with a higher fee', () => changed((o) => ({ ...o, order: { ...o.order, feePerClaim: 4n } })), 'bad-signature'],
    [
      'that lasts longer',
      () => changed((o) => ({ ...o, order: { ...o.order, validBefore: now + 11 } })),
      'bad-signature',
    ],
    ['with a short signature', () => changed((o) => ({ ...o, signature: '0x1234' })), 'bad-signature'],
    [
      'of a signer the channels do not name',
      () => changed((o) => ({ ...o, order: { ...o.order, providerSigner: addressOfKey(9) } })),
      'order-mismatch',
    ],
  ] as const)('is refused %s', async (_, make, code) => {
    await expect(checkClaimOrder(entry, await make(), { relay, now })).rejects.toMatchObject({ code });
  });

  test('is signed only by the signer of all its channels, with a valid fee', async () => {
    await expect(order({}, walletOf(5))).rejects.toMatchObject({ code: 'not-allowed' });
    await expect(order({ claims: [] })).rejects.toMatchObject({ code: 'batch-empty' });
    await expect(order({ feePerClaim: -1n })).rejects.toMatchObject({ code: 'bad-fee' });
    await expect(order({ feePerClaim: voucherUnitsMax + 1n })).rejects.toMatchObject({ code: 'bad-fee' });
    const [claim] = (await order()).claims;
    await expect(order({ claims: [claim!, claim!] })).rejects.toMatchObject({ code: 'order-repeats' });
    await expect(order({ validBefore: now })).rejects.toMatchObject({ code: 'order-expired' });
    await expect(order({ validBefore: now + 32 * 86_400 + 1 })).rejects.toMatchObject({ code: 'order-too-long' });
    await order({ validBefore: now + 32 * 86_400 });
  });
});

test('an order round-trips through its text form', async () => {
  const signed = await order();
  expect(parseClaimOrder(JSON.parse(JSON.stringify(claimOrderRecord(signed))))).toEqual(signed);
  const store = createOrderStore(testStorage());
  await store.save(signed);
  expect(await store.list(10)).toEqual({ records: [signed], unreadable: [] });
  await store.delete(signed.order.providerSigner);
  expect(await store.list(10)).toEqual({ records: [], unreadable: [] });
});

test('anything but an order is refused when parsed', async () => {
  const record = claimOrderRecord(await order());
  for (const value of [null, {}, { ...record, claims: [] }, { ...record, signature: '0x' }, { ...record, order: {} }]) {
    expect(() => parseClaimOrder(value)).toThrow(expect.objectContaining({ code: 'order-mismatch' }));
  }
  const storage = testStorage(new Map<string, unknown>([['claim-order/x', { ...record, claims: 5 }]]));
  // One unreadable order is reported and does not affect the others.
  await createOrderStore(storage).save(await order());
  const listed = await createOrderStore(storage).list(10);
  expect(listed).toMatchObject({ records: [{ claims: [{}, {}] }], unreadable: ['claim-order/x'] });
});
