import { describe, expect, test } from 'vitest';
import { entry, keyOf, testStorage, testTerms } from './pay.fixture.ts';
import type { ChannelRecord } from './spec.ts';
import { channelIdOf } from './terms.ts';
import { createVoucherSigner } from './voucher.ts';
import { createVoucherStore } from './voucher-store.ts';

const terms = testTerms();
const id = channelIdOf(terms);
const record: ChannelRecord = {
  side: 'payer',
  chainId: entry.id,
  id,
  terms,
  revision: 1,
  voucher: null,
  seen: { balance: 2n ** 104n - 1n, claimed: 0n, withdrawableAt: 0 },
};

test('keeps a channel whole, over restarts and through JSON', async () => {
  const storage = testStorage();
  const voucher = await createVoucherSigner(entry).sign(keyOf(2), id, 2n ** 100n);
  await createVoucherStore(storage).save({ ...record, voucher });
  for (const [key, value] of storage.values) storage.values.set(key, JSON.parse(JSON.stringify(value)));
  const store = createVoucherStore(storage);
  expect(await store.load('payer', id)).toEqual({ ...record, voucher });
  expect(await store.load('payee', id)).toBeNull();
  expect(await store.list('payer', 10)).toHaveLength(1);
  expect(await store.list('payee', 10)).toEqual([]);
});

test('a writer that has not seen the newest revision is refused', async () => {
  const store = createVoucherStore(testStorage());
  await store.save(record);
  await expect(store.save(record)).rejects.toMatchObject({
    code: 'store-conflict',
    details: { expected: 2, given: 1 },
  });
  await expect(store.save({ ...record, revision: 3 })).rejects.toMatchObject({ code: 'store-conflict' });
  await store.save({ ...record, revision: 2 });
  const [first, second] = await Promise.allSettled([
    store.save({ ...record, revision: 3 }),
    store.save({ ...record, revision: 3 }),
  ]);
  expect([first.status, second.status]).toEqual(['fulfilled', 'rejected']);
});

describe('what cannot be read is named, not guessed at', () => {
  test.each([
    ['text', 'nonsense'],
    ['an amount as a number', { seen: { balance: 5, claimed: '0', withdrawableAt: 0 } }],
    ['terms of another channel', { terms: testTerms(2) }],
    ['a record in the wrong place', { side: 'payee' }],
    ['a broken signature', { voucher: { cumulativeAmount: '5', signature: '0x00' } }],
    ['a revision of zero', { revision: 0 }],
  ])('%s', async (_, change) => {
    const storage = testStorage();
    const store = createVoucherStore(storage);
    await store.save(record);
    const [key, value] = [...storage.values][0]!;
    storage.values.set(key, typeof change === 'string' ? change : { ...(value as object), ...change });
    await expect(store.load('payer', id)).rejects.toMatchObject({ code: 'bad-record', details: { key } });
    await expect(store.list('payer', 10)).rejects.toMatchObject({ code: 'bad-record' });
  });
});
