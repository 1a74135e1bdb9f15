import { expect, test } from 'vitest';
import {
  addressOfKey,
  entry,
  startSeconds,
  testChain,
  testClock,
  testPayer,
  testStorage,
  testTerms,
} from './pay.fixture.ts';
import { closedSentinel } from './spec.ts';
import { channelIdOf } from './terms.ts';
import { createVoucherSigner } from './voucher.ts';
import type { SessionKey } from './wallet/session-key.ts';

const terms = testTerms();
const id = channelIdOf(terms);

async function opened(changes: Partial<SessionKey> = {}, balance = 1_000n) {
  const [clock, chain] = [testClock(), testChain()];
  const storage = testStorage();
  const { payer } = await testPayer(storage, { clock, chain, ...changes });
  await payer.begin(terms);
  await payer.observe(id, { balance, claimed: 0n, withdrawableAt: 0 });
  return { payer, clock, chain, storage };
}

test('promises are totals, signed by the session key, down to the last unit', async () => {
  const { payer } = await opened();
  const vouchers = [await payer.promise(id, 1n), await payer.promise(id, 999n), await payer.promise(id, 1_000n)];
  expect(vouchers.map(({ cumulativeAmount }) => cumulativeAmount)).toEqual([1n, 999n, 1_000n]);
  for (const voucher of vouchers) {
    expect(await createVoucherSigner(entry).verify(addressOfKey(2), voucher)).toBe(true);
  }
  expect(await payer.newest(id)).toEqual(vouchers[2]);
  expect(await payer.spent()).toBe(1_000n);
});

test('a promise repeated is the same voucher without a write, and one of less is refused', async () => {
  const { payer, storage } = await opened();
  const voucher = await payer.promise(id, 10n);
  const writes = storage.writes();
  expect(await payer.promise(id, 10n)).toEqual(voucher);
  await expect(payer.promise(id, 9n)).rejects.toMatchObject({ code: 'voucher-regress' });
  expect(storage.writes()).toBe(writes);
  expect(await payer.spent()).toBe(10n);
});

test.each([
  ['nothing', {}, 0n, 'amount-zero'],
  ['a negative amount', {}, -1n, 'amount-zero'],
  ['the largest number', {}, 2n ** 128n, 'amount-too-large'],
  ['one unit above the deposit', {}, 1_001n, 'overdrawn'],
  ['one unit above the session limit', { limit: 10n }, 11n, 'session-limit'],
  ['with an expired session', { expiresAt: startSeconds }, 1n, 'session-expired'],
] as const)('does not promise %s, and writes nothing', async (_, key, amount, code) => {
  const { payer, storage } = await opened(key);
  const writes = storage.writes();
  await expect(payer.promise(id, amount)).rejects.toMatchObject({ code });
  expect(storage.writes()).toBe(writes);
  expect((await payer.state(id)).promised).toBe(0n);
});

test('a session is valid in its last second and expired in the next', async () => {
  const { payer, clock } = await opened({ expiresAt: startSeconds + 2 });
  await payer.promise(id, 1n);
  await clock.advance(1_999);
  await payer.promise(id, 2n);
  await clock.advance(1);
  await expect(payer.promise(id, 3n)).rejects.toMatchObject({ code: 'session-expired' });
});

test('the session limit applies across all its channels', async () => {
  const { payer } = await opened({ limit: 15n });
  const other = testTerms(2);
  await payer.begin(other);
  await payer.observe(channelIdOf(other), { balance: 100n, claimed: 0n, withdrawableAt: 0 });
  await payer.promise(id, 10n);
  await expect(payer.promise(channelIdOf(other), 6n)).rejects.toMatchObject({ code: 'session-limit' });
  await payer.promise(channelIdOf(other), 5n);
  expect(await payer.spent()).toBe(15n);
});

test('nothing is promised before opening, while withdrawing or after closing', async () => {
  const { payer } = await opened();
  const fresh = testTerms(3);
  await payer.begin(fresh);
  await expect(payer.promise(channelIdOf(fresh), 1n)).rejects.toMatchObject({ code: 'channel-missing' });
  await expect(payer.promise(channelIdOf(testTerms(4)), 1n)).rejects.toMatchObject({ code: 'wrong-channel' });
  await payer.observe(id, { balance: 1_000n, claimed: 0n, withdrawableAt: startSeconds });
  await expect(payer.promise(id, 1n)).rejects.toMatchObject({ code: 'withdrawal-pending' });
  await payer.observe(id, { balance: 0n, claimed: 0n, withdrawableAt: closedSentinel });
  await expect(payer.promise(id, 1n)).rejects.toMatchObject({ code: 'channel-closed' });
});

test('a job is not paid after its deadline', async () => {
  const { payer, clock } = await opened();
  const job = testTerms(5, { delay: 0, deadline: startSeconds + 10 });
  await payer.begin(job);
  await payer.observe(channelIdOf(job), { balance: 10n, claimed: 0n, withdrawableAt: 0 });
  await payer.promise(channelIdOf(job), 5n);
  await clock.advance(10_000);
  await expect(payer.promise(channelIdOf(job), 6n)).rejects.toMatchObject({ code: 'deadline-passed' });
});

test('deadlines are the chain’s: a device whose clock is behind pays for no job that can no longer be claimed', async () => {
  const { payer, chain } = await opened();
  const job = testTerms(5, { delay: 0, deadline: startSeconds + 600 });
  await payer.begin(job);
  await payer.observe(channelIdOf(job), { balance: 10n, claimed: 0n, withdrawableAt: 0 });
  chain.now = startSeconds + 601;
  await expect(payer.promise(channelIdOf(job), 5n)).rejects.toMatchObject({ code: 'deadline-passed' });
});

test('a chain that has never responded tells no time, so nothing is promised; later silence does not matter', async () => {
  const { payer, chain, clock } = await opened();
  chain.answers = false;
  await expect(payer.promise(id, 1n)).rejects.toMatchObject({ code: 'stale-view' });
  chain.answers = true;
  await payer.promise(id, 1n);
  await clock.advance(10 * 60_000);
  chain.answers = false;
  expect((await payer.promise(id, 2n)).cumulativeAmount).toBe(2n);
});

test('a node that hangs holds a promise up for a second, and the next ones not at all: a payee waits for six', async () => {
  const { payer, chain, clock } = await opened();
  await payer.promise(id, 1n);
  await clock.advance(10 * 60_000);
  let asked = 0;
  chain.head = () => {
    asked++;
    return new Promise(() => {});
  };
  let promised = 0n;
  const waiting = payer.promise(id, 2n).then(({ cumulativeAmount }) => (promised = cumulativeAmount));
  await clock.advance(999);
  expect(promised).toBe(0n);
  await clock.advance(1);
  await waiting;
  expect(promised).toBe(2n);
  expect((await payer.promise(id, 3n)).cumulativeAmount).toBe(3n);
  expect(asked).toBe(1);
});

test('a full disk promises nothing, counts nothing and loses nothing', async () => {
  const storage = testStorage(new Map(), { atWrite: 4, when: 'before', for: 'once', code: 'storage-full' });
  const { payer } = await testPayer(storage);
  await payer.begin(terms);
  await payer.observe(id, { balance: 100n, claimed: 0n, withdrawableAt: 0 });
  await payer.promise(id, 5n);
  await expect(payer.promise(id, 9n)).rejects.toMatchObject({ code: 'storage-full' });
  expect([(await payer.state(id)).promised, await payer.spent()]).toEqual([5n, 5n]);
  expect((await payer.promise(id, 9n)).cumulativeAmount).toBe(9n);
  expect(await payer.spent()).toBe(9n);
});

test('a channel of another key is refused, and beginning one twice is idempotent', async () => {
  const { payer } = await opened();
  await expect(payer.begin(testTerms(6, { payerSigner: addressOfKey(9) }))).rejects.toMatchObject({
    code: 'bad-terms',
  });
  await payer.promise(id, 7n);
  expect(await payer.begin(terms)).toBe(id);
  expect((await payer.state(id)).promised).toBe(7n);
  expect(payer.list()).toHaveLength(1);
});

test('the session limit applies across two windows of a profile and includes closed channels', async () => {
  const storage = testStorage();
  const [one, two] = [await testPayer(storage, { limit: 100n }), await testPayer(storage, { limit: 100n })];
  const other = testTerms(2);
  for (const [{ payer }, each] of [
    [one, terms],
    [two, other],
  ] as const) {
    await payer.begin(each);
    await payer.observe(channelIdOf(each), { balance: 100n, claimed: 0n, withdrawableAt: 0 });
  }
  await one.payer.promise(id, 60n);
  await expect(two.payer.promise(channelIdOf(other), 41n)).rejects.toMatchObject({ code: 'session-limit' });
  await two.payer.promise(channelIdOf(other), 40n);
  expect(await one.payer.spent()).toBe(100n);
});

test('a transaction’s events are applied', async () => {
  const { payer } = await opened();
  await payer.applyEvents([
    { type: 'topped-up', channelId: id, amount: 500n, balance: 1_500n },
    { type: 'claimed', channelId: id, claimed: 5n, treasuryPart: 0n },
    { type: 'claimed', channelId: channelIdOf(testTerms(9)), claimed: 5n, treasuryPart: 0n },
    { type: 'withdrawal-announced', channelId: id, withdrawableAt: startSeconds },
  ]);
  expect(await payer.state(id)).toMatchObject({ phase: 'withdrawing', balance: 1_500n, claimed: 5n });
  await payer.applyEvents([{ type: 'closed', channelId: id, closing: 'cooperative', claimed: 7n, returned: 1_493n }]);
  expect(await payer.state(id)).toMatchObject({ phase: 'closed', balance: 7n, claimed: 7n });
});

test('a record damaged by a failed write affects only its own channel', async () => {
  const storage = testStorage(new Map(), { atWrite: 5, when: 'after', for: 'once' });
  const { payer } = await testPayer(storage);
  const other = testTerms(2);
  for (const each of [terms, other]) {
    await payer.begin(each);
    await payer.observe(channelIdOf(each), { balance: 100n, claimed: 0n, withdrawableAt: 0 });
  }
  await expect(payer.promise(id, 1n)).rejects.toMatchObject({ code: 'storage-unavailable' });
  for (const key of storage.values.keys()) if (key.endsWith(id)) storage.values.set(key, 'nonsense');
  expect((await payer.promise(channelIdOf(other), 1n)).cumulativeAmount).toBe(1n);
  await expect(payer.promise(id, 2n)).rejects.toMatchObject({ code: 'bad-record' });
});
