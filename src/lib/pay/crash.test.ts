import { describe, expect, test } from 'vitest';
import { TabloomError } from '#lib/base/errors.ts';
import {
  entry,
  keyOf,
  testChain,
  testClock,
  testPayee,
  testPayer,
  testStorage,
  testTerms,
  walletOf,
  type Dying,
  type TestStorage,
} from './pay.fixture.ts';
import type { LocalWallet, Voucher } from './spec.ts';
import { channelIdOf } from './terms.ts';
import { createVoucherSigner, voucherRecord } from './voucher.ts';

const terms = testTerms();
const id = channelIdOf(terms);
const chunks = 6;

/** What the outside world has observed, which survives a crash. */
interface Outside {
  readonly handed: Voucher[];
  readonly accepted: bigint[];
}

/** A session of six chunks, starting from the contents of the two storages. It stops when one of them fails. */
async function talk(payerStorage: TestStorage, payeeStorage: TestStorage, outside: Outside) {
  const clock = testClock();
  const chain = testChain();
  const { payer } = await testPayer(payerStorage, { clock });
  const payee = await testPayee(payeeStorage, { chain, clock });
  chain.states.set(id, { balance: 10_000n, claimed: 0n, withdrawableAt: 0 });
  await payer.begin(terms);
  await payer.observe(id, await chain.channel(id));
  await payee.admit(terms);
  const serve = async (voucher: Voucher) => {
    outside.handed.push(voucher);
    outside.accepted.push((await payee.receive(voucherRecord(voucher))).total);
  };
  // After a crash the newest promise is resent, since it may not have arrived.
  const newest = await payer.newest(id);
  if (newest) await serve(newest);
  for (let chunk = 0; chunk < chunks; chunk++) {
    await serve(await payer.promise(id, (await payer.state(id)).promised + 10n));
    if (chunk === 2) {
      const seen = { balance: 10_000n, claimed: 20n, withdrawableAt: 0 };
      chain.states.set(id, seen);
      await payer.observe(id, seen);
      await payee.refresh(id);
    }
  }
  return { payer: await payer.state(id), payee: await payee.state(id) };
}

const largest = (amounts: readonly bigint[]) => amounts.reduce((a, b) => (a > b ? a : b), 0n);

describe('a crash at any write', () => {
  const sides = ['payer', 'payee'] as const;
  const moments = ['before', 'after'] as const;

  test('the session makes as many writes as the cases below expect', async () => {
    const [a, b] = [testStorage(), testStorage()];
    const end = await talk(a, b, { handed: [], accepted: [] });
    expect([a.writes(), b.writes()]).toEqual([9, 8]);
    expect(end.payer).toEqual(end.payee);
    expect(end.payer.promised).toBe(60n);
  });

  const cases = sides.flatMap((side) =>
    moments.flatMap((when) =>
      Array.from({ length: side === 'payer' ? 9 : 8 }, (_, at) => ({ side, when, atWrite: at + 1 })),
    ),
  );
  test.each(cases)('of the $side, $when write $atWrite', async ({ side, when, atWrite }) => {
    const dying: Dying = { atWrite, when, for: 'ever' };
    const [a, b] = [new Map<string, unknown>(), new Map<string, unknown>()];
    const outside: Outside = { handed: [], accepted: [] };
    await expect(
      talk(
        testStorage(a, side === 'payer' ? dying : undefined),
        testStorage(b, side === 'payee' ? dying : undefined),
        outside,
      ),
    ).rejects.toMatchObject({ code: 'storage-unavailable' });
    const before = { handed: [...outside.handed], accepted: [...outside.accepted] };

    const end = await talk(testStorage(a), testStorage(b), outside);
    const handedBefore = largest(before.handed.map(({ cumulativeAmount }) => cumulativeAmount));
    const handedAfter = outside.handed.slice(before.handed.length).map(({ cumulativeAmount }) => cumulativeAmount);
    // Monotonic: amounts signed after the crash are at least those sent before it.
    expect(handedAfter.every((amount) => amount >= handedBefore)).toBe(true);
    // Nothing accepted is lost and nothing is promised twice: at most one chunk was signed but never sent.
    expect(end.payee.promised >= largest(before.accepted)).toBe(true);
    expect(end.payer.promised - handedBefore <= 70n).toBe(true);
    expect(end.payee).toEqual(end.payer);
  });

  test.each(moments)('a process survives a write that fails once, %s it took effect', async (when) => {
    // From the third write on, each chunk is one write.
    for (let atWrite = 3; atWrite <= 10; atWrite++) {
      const storage = testStorage(new Map(), { atWrite, when, for: 'once' });
      const { payer } = await testPayer(storage);
      await payer.begin(terms);
      await payer.observe(id, { balance: 1_000n, claimed: 0n, withdrawableAt: 0 });
      const handed: bigint[] = [];
      let failures = 0;
      for (let total = 10n; total <= 80n; total += 10n) {
        const again = () => (failures++, payer.promise(id, total));
        handed.push((await payer.promise(id, total).catch(again)).cumulativeAmount);
      }
      // What failed is repeated, whether or not it had been stored: each chunk is paid and counted once.
      expect(failures).toBe(1);
      expect(handed).toEqual([10n, 20n, 30n, 40n, 50n, 60n, 70n, 80n]);
      expect([(await payer.state(id)).promised, await payer.spent()]).toEqual([80n, 80n]);
    }
  });
});

test('reading during a failing write does not discard the reload', async () => {
  const storage = testStorage();
  const { payer } = await testPayer(storage);
  await payer.begin(terms);
  await payer.observe(id, { balance: 1_000n, claimed: 0n, withdrawableAt: 0 });
  const { update } = storage;
  storage.update = async (...args) => {
    await payer.newest(id);
    await update(...args);
    storage.update = update;
    throw new TabloomError('storage-unavailable', 'Written, and then gone.');
  };
  await expect(payer.promise(id, 10n)).rejects.toMatchObject({ code: 'storage-unavailable' });
  expect((await payer.state(id)).promised).toBe(10n);
  expect((await payer.promise(id, 20n)).cumulativeAmount).toBe(20n);
});

test('of promises made at once, in order, each is stored', async () => {
  const { payer } = await testPayer(testStorage());
  await payer.begin(terms);
  await payer.observe(id, { balance: 1_000n, claimed: 0n, withdrawableAt: 0 });
  const vouchers = await Promise.all(Array.from({ length: 10 }, (_, i) => payer.promise(id, BigInt(i + 1) * 7n)));
  expect(vouchers.map(({ cumulativeAmount }) => cumulativeAmount)).toEqual(
    Array.from({ length: 10 }, (_, i) => BigInt(i + 1) * 7n),
  );
});

test('two windows sharing a storage: the one with a stale revision is refused, then continues from the newest', async () => {
  const values = new Map<string, unknown>();
  const window = async () => (await testPayer(testStorage(values))).payer;
  const one = await window();
  await one.begin(terms);
  await one.observe(id, { balance: 1_000n, claimed: 0n, withdrawableAt: 0 });
  const two = await window();
  expect((await one.promise(id, 10n)).cumulativeAmount).toBe(10n);
  await expect(two.promise(id, 5n)).rejects.toMatchObject({ code: 'store-conflict' });
  await expect(two.promise(id, 5n)).rejects.toMatchObject({ code: 'voucher-regress' });
  expect((await two.promise(id, 15n)).cumulativeAmount).toBe(15n);
});

test('two windows that promise at the very same moment: one is refused, and nothing is overwritten', async () => {
  const storage = testStorage();
  const window = async () => (await testPayer(storage)).payer;
  const one = await window();
  await one.begin(terms);
  await one.observe(id, { balance: 1_000n, claimed: 0n, withdrawableAt: 0 });
  const two = await window();
  const [first, second] = await Promise.allSettled([one.promise(id, 10n), two.promise(id, 5n)]);
  expect([first, second]).toMatchObject([{ value: { cumulativeAmount: 10n } }, { reason: { code: 'store-conflict' } }]);
  expect((await (await window()).newest(id))?.cumulativeAmount).toBe(10n);
  expect(await one.spent()).toBe(10n);
});

describe('an agreed closure, with a crash at any write', () => {
  /** Three chunks, an agreement and a fourth chunk, starting from the storage's contents. */
  async function end(storage: TestStorage, outside: { readonly accepted: bigint[]; readonly signed: bigint[] }) {
    const chain = testChain();
    chain.states.set(id, { balance: 10_000n, claimed: 0n, withdrawableAt: 0 });
    const payee = await testPayee(storage, { chain });
    const wallet: LocalWallet = {
      ...walletOf(4),
      async signTypedData(data) {
        outside.signed.push(data.message['finalAmount'] as bigint);
        return walletOf(4).signTypedData(data);
      },
    };
    const serve = async (amount: bigint) => {
      outside.accepted.push((await payee.receive(voucherRecord(await vouchers.sign(keyOf(2), id, amount)))).total);
    };
    await payee.admit(terms);
    const { promised, agreed } = await payee.state(id);
    for (let amount = promised + 10n; agreed === null && amount <= 30n; amount += 10n) await serve(amount);
    await payee.agree(id, wallet);
    await expect(serve(900n)).rejects.toMatchObject({ code: 'closing' });
    await payee.agree(id, wallet);
    expect(storage.writes()).toBeLessThanOrEqual(writes);
  }
  /** Admission, three vouchers, the agreement. */
  const writes = 5;
  const vouchers = createVoucherSigner(entry);

  const cases = ['before' as const, 'after' as const].flatMap((when) =>
    Array.from({ length: writes }, (_, at) => ({ when, atWrite: at + 1 })),
  );
  test.each(cases)('$when write $atWrite, loses no money', async ({ when, atWrite }) => {
    const values = new Map<string, unknown>();
    const outside = { accepted: [] as bigint[], signed: [] as bigint[] };
    await expect(end(testStorage(values, { atWrite, when, for: 'ever' }), outside)).rejects.toMatchObject({
      code: 'storage-unavailable',
    });
    await end(testStorage(values), outside);
    expect(outside.signed.length).toBeGreaterThan(0);
    expect(new Set(outside.signed)).toEqual(new Set([30n]));
    expect(largest(outside.accepted) <= 30n).toBe(true);
  });
});
