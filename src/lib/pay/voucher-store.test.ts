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
  isDelivered: false,
  agreed: null,
};
const at = { chainId: entry.id, side: 'payer', id } as const;

test('a channel survives restarts and JSON', async () => {
  const storage = testStorage();
  const voucher = await createVoucherSigner(entry).sign(keyOf(2), id, 2n ** 100n);
  const whole = { ...record, voucher, isDelivered: true, agreed: 2n ** 100n };
  await createVoucherStore(storage).save(whole);
  for (const [key, value] of storage.values) storage.values.set(key, JSON.parse(JSON.stringify(value)));
  const store = createVoucherStore(storage);
  expect(await store.load(at)).toEqual(whole);
  expect(await store.load({ ...at, side: 'payee' })).toBeNull();
  expect(await store.list(at, 10)).toEqual({ records: [whole], unreadable: [] });
  expect(await store.list({ ...at, side: 'payee' }, 10)).toEqual({ records: [], unreadable: [] });
});

test('a writer with a stale revision is refused', async () => {
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

test('a record that has no revision is not overwritten', async () => {
  for (const damaged of ['nonsense', { ...record, revision: '1' }, { ...record, revision: 0 }, []]) {
    const storage = testStorage();
    const store = createVoucherStore(storage);
    await store.save(record);
    const [[key]] = [...storage.values] as [[string, unknown]];
    storage.values.set(key, damaged);
    await expect(store.save({ ...record, revision: 2 })).rejects.toMatchObject({
      code: 'bad-record',
      details: { key },
    });
    expect(storage.values.get(key)).toEqual(damaged);
  }
});

describe('unreadable records are reported, not guessed at', () => {
  test.each([
    ['text', 'nonsense'],
    ['an amount as a number', { seen: { balance: 5, claimed: '0', withdrawableAt: 0 } }],
    ['terms of another channel', { terms: testTerms(2) }],
    ['a record in the wrong place', { side: 'payee' }],
    ['a broken signature', { voucher: { cumulativeAmount: '5', signature: '0x00' } }],
    ['a revision of zero', { revision: 0 }],
    ['a record of another chain', { chainId: 1 }],
    ['an agreement as a number', { agreed: 5 }],
  ])('%s', async (_, change) => {
    const storage = testStorage();
    const store = createVoucherStore(storage);
    await store.save(record);
    const [key, value] = [...storage.values][0]!;
    storage.values.set(key, typeof change === 'string' ? change : { ...(value as object), ...change });
    await expect(store.load(at)).rejects.toMatchObject({ code: 'bad-record', details: { key } });
    expect(await store.list(at, 10)).toEqual({ records: [], unreadable: [key] });
  });
});

test('one channel id on two chains is two records, and deletion is idempotent', async () => {
  const store = createVoucherStore(testStorage());
  const elsewhere = { ...record, chainId: 8453 };
  await store.save(record);
  await store.save(elsewhere);
  expect((await store.list(at, 1)).records).toEqual([record]);
  expect((await store.list(elsewhere, 1)).records).toEqual([elsewhere]);
  await store.delete(at);
  await store.delete(at);
  expect(await store.load(at)).toBeNull();
  expect(await store.load(elsewhere)).toEqual(elsewhere);
  await store.save(record);
});
