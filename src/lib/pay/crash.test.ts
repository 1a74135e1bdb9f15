import { describe, expect, test } from 'vitest';
import { createPayee } from './payee.ts';
import { createPayer } from './payer.ts';
import {
  addressOf,
  entry,
  sessionKey,
  testChain,
  testClock,
  testStorage,
  testTerms,
  type Dying,
  type TestStorage,
} from './pay.fixture.ts';
import type { Voucher } from './spec.ts';
import { channelIdOf } from './terms.ts';
import { voucherRecord } from './voucher.ts';
import { createVoucherStore } from './voucher-store.ts';

const terms = testTerms();
const id = channelIdOf(terms);
const chunks = 6;

/** What the world outside has seen: it does not forget with a crash. */
interface Outside {
  readonly handed: Voucher[];
  readonly accepted: bigint[];
}

/** A conversation of six chunks, from whatever the two storages hold. It breaks off when one of them dies. */
async function talk(payerStorage: TestStorage, payeeStorage: TestStorage, outside: Outside) {
  const clock = testClock();
  const chain = testChain();
  const payer = await createPayer({
    store: createVoucherStore(payerStorage),
    clock,
    chain: entry,
    key: sessionKey(),
  });
  const payee = await createPayee({
    store: createVoucherStore(payeeStorage),
    clock,
    chain,
    provider: addressOf(3),
    providerSigner: addressOf(4),
  });
  chain.states.set(id, { balance: 10_000n, claimed: 0n, withdrawableAt: 0 });
  await payer.begin(terms);
  await payer.observe(id, await chain.channel(id));
  await payee.admit(terms);
  const serve = async (voucher: Voucher) => {
    outside.handed.push(voucher);
    outside.accepted.push((await payee.receive(voucherRecord(voucher))).total);
  };
  // After a crash the newest promise is sent again: it may never have arrived.
  const newest = await payer.newest(id);
  if (newest) await serve(newest);
  for (let chunk = 0; chunk < chunks; chunk++) {
    await serve(await payer.promise(id, 10n));
    if (chunk === 2) {
      const seen = { balance: 10_000n, claimed: 20n, withdrawableAt: 0 };
      chain.states.set(id, seen);
      await payer.observe(id, seen);
      await payee.observe(id, seen);
    }
  }
  return { payer: await payer.state(id), payee: await payee.state(id) };
}

const largest = (amounts: readonly bigint[]) => amounts.reduce((a, b) => (a > b ? a : b), 0n);

describe('a crash at any write', () => {
  const sides = ['payer', 'payee'] as const;
  const moments = ['before', 'after'] as const;

  test('the conversation writes as often as the cases below expect', async () => {
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
    // Never backwards: what is signed after the crash is at least what was handed out before it.
    expect(handedAfter.every((amount) => amount >= handedBefore)).toBe(true);
    // Nothing accepted is lost, and nothing is promised twice over: at most one chunk was signed and never sent.
    expect(end.payee.promised >= largest(before.accepted)).toBe(true);
    expect(end.payer.promised - handedBefore <= 70n).toBe(true);
    expect(end.payee).toEqual(end.payer);
  });

  test.each(moments)(
    'a write that fails once, %s it happened, does no harm to a process that goes on',
    async (when) => {
      for (let atWrite = 3; atWrite <= 8; atWrite++) {
        const storage = testStorage(new Map(), { atWrite, when, for: 'once' });
        const payer = await createPayer({
          store: createVoucherStore(storage),
          clock: testClock(),
          chain: entry,
          key: sessionKey(),
        });
        await payer.begin(terms);
        await payer.observe(id, { balance: 1_000n, claimed: 0n, withdrawableAt: 0 });
        const handed: bigint[] = [];
        let failures = 0;
        for (let chunk = 0; chunk < 8; chunk++) {
          await payer.promise(id, 10n).then(
            ({ cumulativeAmount }) => handed.push(cumulativeAmount),
            () => failures++,
          );
        }
        expect(failures).toBe(1);
        expect(handed).toEqual(handed.toSorted((x, y) => Number(x - y)));
        expect(handed.at(-1)).toBe(when === 'before' ? 70n : 80n);
        expect(payer.spent()).toBe(handed.at(-1));
      }
    },
  );
});

test('chunks promised at the same time add up', async () => {
  const payer = await createPayer({
    store: createVoucherStore(testStorage()),
    clock: testClock(),
    chain: entry,
    key: sessionKey(),
  });
  await payer.begin(terms);
  await payer.observe(id, { balance: 1_000n, claimed: 0n, withdrawableAt: 0 });
  const vouchers = await Promise.all(Array.from({ length: 10 }, () => payer.promise(id, 7n)));
  expect(vouchers.map(({ cumulativeAmount }) => cumulativeAmount)).toEqual(
    Array.from({ length: 10 }, (_, i) => BigInt(i + 1) * 7n),
  );
});

test('two windows over one storage: the one that has not seen the newest promise is refused, and then goes on from it', async () => {
  const values = new Map<string, unknown>();
  const window = () =>
    createPayer({
      store: createVoucherStore(testStorage(values)),
      clock: testClock(),
      chain: entry,
      key: sessionKey(),
    });
  const one = await window();
  await one.begin(terms);
  await one.observe(id, { balance: 1_000n, claimed: 0n, withdrawableAt: 0 });
  const two = await window();
  expect((await one.promise(id, 10n)).cumulativeAmount).toBe(10n);
  await expect(two.promise(id, 5n)).rejects.toMatchObject({ code: 'store-conflict' });
  expect((await two.promise(id, 5n)).cumulativeAmount).toBe(15n);
});
