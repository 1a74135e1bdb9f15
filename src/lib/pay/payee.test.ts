import { describe, expect, test } from 'vitest';
import { close } from './actions/close.ts';
import type { Payee } from './payee.ts';
import {
  addressOfKey,
  entry,
  keyOf,
  startSeconds,
  testChain,
  testClock,
  testPayee,
  testStorage,
  testTerms,
  walletOf,
  type TestChain,
} from './pay.fixture.ts';
import { momentOf } from './chain-time.ts';
import { jobMarginSeconds } from './policy.ts';
import { closedSentinel, type ChannelTerms, type OnChainState } from './spec.ts';
import { channelIdOf } from './terms.ts';
import { createVoucherSigner, voucherRecord } from './voucher.ts';

const terms = testTerms();
const id = channelIdOf(terms);
const signer = createVoucherSigner(entry);
const voucher = async (amount: bigint, key = keyOf(2), channel = id) =>
  voucherRecord(await signer.sign(key, channel, amount));

async function serving(given: ChannelTerms = terms) {
  const chain = testChain();
  const clock = testClock();
  const storage = testStorage();
  const payee = await testPayee(storage, { chain, clock });
  chain.states.set(channelIdOf(given), { balance: 1_000n, claimed: 0n, withdrawableAt: 0 });
  await payee.admit(given);
  return { payee, chain, clock, storage };
}

test('accepts a promise once and returns the amount added', async () => {
  const { payee } = await serving();
  expect(await payee.receive(await voucher(10n))).toEqual({ channelId: id, added: 10n, total: 10n });
  expect(await payee.receive(await voucher(25n))).toMatchObject({ added: 15n, total: 25n });
  expect(await payee.receive(await voucher(25n))).toMatchObject({ added: 0n, total: 25n });
  expect(await payee.claims([id])).toMatchObject([{ channel: terms, cumulativeAmount: 25n }]);
});

describe('a voucher is refused without a write', () => {
  test.each<readonly [string, () => Promise<unknown>, string]>([
    ['smaller than the newest', () => voucher(99n), 'voucher-regress'],
    ['larger than the deposit', () => voucher(1_001n), 'overdrawn'],
    ['the largest possible', () => voucher(2n ** 128n - 1n), 'overdrawn'],
    ['of another key', () => voucher(200n, keyOf(3)), 'bad-signature'],
    ['of another channel', () => voucher(200n, keyOf(2), channelIdOf(testTerms(8))), 'wrong-channel'],
    ['for nothing', async () => ({ ...(await voucher(1n)), cumulativeAmount: '0' }), 'bad-voucher'],
    ['with a signature too short', async () => ({ ...(await voucher(200n)), signature: '0x1234' }), 'bad-voucher'],
    ['changed in transit', async () => ({ ...(await voucher(200n)), cumulativeAmount: '201' }), 'bad-signature'],
    ['that is null', async () => null, 'bad-voucher'],
  ])('%s', async (_, make, code) => {
    const { payee, storage } = await serving();
    await payee.receive(await voucher(100n));
    const writes = storage.writes();
    await expect(payee.receive(await make())).rejects.toMatchObject({ code });
    expect(storage.writes()).toBe(writes);
    expect((await payee.state(id)).promised).toBe(100n);
  });

  test('of a closed channel', async () => {
    const { payee, chain } = await serving();
    chain.states.set(id, { balance: 0n, claimed: 0n, withdrawableAt: closedSentinel });
    await payee.refresh(id);
    await expect(payee.receive(await voucher(1n))).rejects.toMatchObject({ code: 'channel-closed' });
  });
});

describe('a view of the chain has a time to live', () => {
  const minutes = 60_000;
  const stale = expect.objectContaining({ code: 'stale-view' });
  const limit = { perPayerMax: 1_000n };

  test('after which nothing is served and no voucher credited while the chain is silent; the voucher is kept', async () => {
    const { payee, chain, clock } = await serving();
    payee.checkMayServe(id, limit);
    await clock.advance(5 * minutes);
    chain.answers = false;
    expect(() => payee.checkMayServe(id, limit)).toThrow(stale);
    await expect(payee.receive(await voucher(10n))).rejects.toMatchObject({ code: 'stale-view' });
    expect(await payee.claims([id])).toMatchObject([{ cumulativeAmount: 10n }]);
    chain.answers = true;
    expect(await payee.receive(await voucher(10n))).toMatchObject({ added: 0n, total: 10n });
    payee.checkMayServe(id, limit);
  });

  test('so a payer that has announced and withdrawn meanwhile is noticed by the next voucher', async () => {
    const { payee, chain, clock } = await serving();
    await clock.advance(5 * minutes);
    chain.states.set(id, { balance: 0n, claimed: 0n, withdrawableAt: closedSentinel });
    await expect(payee.receive(await voucher(10n))).rejects.toMatchObject({ code: 'channel-closed' });
  });

  test('and is confirmed by following the chain, without reading each channel', async () => {
    const { payee, chain, clock } = await serving();
    await clock.advance(4 * minutes);
    payee.confirmViews(momentOf(clock));
    await clock.advance(4 * minutes);
    chain.answers = false;
    payee.checkMayServe(id, limit);
    await clock.advance(1 * minutes);
    expect(() => payee.checkMayServe(id, limit)).toThrow(stale);
  });

  test('and does not outlive the process', async () => {
    const { chain, clock, storage } = await serving();
    const again = await testPayee(storage, { chain, clock });
    expect(() => again.checkMayServe(id, limit)).toThrow(stale);
    await again.admit(terms);
    again.checkMayServe(id, limit);
  });

  test('an admitted channel whose view is fresh is admitted again without a request', async () => {
    const { payee, chain } = await serving();
    chain.answers = false;
    expect(await payee.admit(terms)).toBe(id);
  });

  test.each([
    ['that the chain forgot and that was opened again', { balance: 0n }, 1_000n],
    ['that was too small and was topped up', { balance: 4n }, 5n],
  ])('a channel %s is admitted, however fresh the view of it that says otherwise', async (_, before, balance) => {
    const chain = testChain();
    const payee = await testPayee(testStorage(), { chain, depositMin: 5n });
    const state = { balance: 10n, claimed: 0n, withdrawableAt: 0 };
    chain.states.set(id, state);
    await payee.admit(terms);
    // As a round of the collector does that sees the chain go back.
    chain.states.set(id, { ...state, ...before });
    await payee.refresh(id);
    await expect(payee.admit(terms)).rejects.toMatchObject({
      code: before.balance === 0n ? 'channel-missing' : 'deposit-too-small',
    });
    chain.states.set(id, { ...state, balance });
    expect(await payee.admit(terms)).toBe(id);
    payee.checkMayServe(id, { perPayerMax: 1n });
  });
});

test('a job’s deadline is the chain’s: a clock ten minutes behind serves nothing that can no longer be paid', async () => {
  const job = testTerms(2, { delay: 0, deadline: startSeconds + 600 });
  const { payee, chain, clock } = await serving(job);
  // By this device's clock there would be another five minutes.
  chain.now = startSeconds + 901;
  await clock.advance(300_000);
  await expect(payee.receive(await voucher(10n, keyOf(2), channelIdOf(job)))).rejects.toMatchObject({
    code: 'deadline-passed',
  });
  await expect(payee.admit(testTerms(3, { delay: 0, deadline: startSeconds + 1_000 }))).rejects.toMatchObject({
    code: 'bad-terms',
  });
});

test('a full disk accepts nothing, and the same voucher is accepted once there is room', async () => {
  const chain = testChain();
  const storage = testStorage(new Map(), { atWrite: 2, when: 'before', for: 'once', code: 'storage-full' });
  const payee = await testPayee(storage, { chain });
  chain.states.set(id, { balance: 1_000n, claimed: 0n, withdrawableAt: 0 });
  await payee.admit(terms);
  await expect(payee.receive(await voucher(10n))).rejects.toMatchObject({ code: 'storage-full' });
  expect(await payee.claims([id])).toEqual([]);
  expect((await payee.receive(await voucher(10n))).added).toBe(10n);
});

test('a slow write of one channel does not hold up another', async () => {
  const { payee, chain, storage } = await serving();
  const other = channelIdOf(testTerms(2));
  chain.states.set(other, { balance: 1_000n, claimed: 0n, withdrawableAt: 0 });
  await payee.admit(testTerms(2));
  const { update } = storage;
  const gate = Promise.withResolvers<void>();
  storage.update = async (reads, plan) => {
    if (reads[0]!.key.endsWith(id)) await gate.promise;
    return update(reads, plan);
  };
  const slow = payee.receive(await voucher(10n));
  expect((await payee.receive(await voucher(20n, keyOf(2), other))).added).toBe(20n);
  gate.resolve();
  expect((await slow).added).toBe(10n);
});

test('reads the chain when a promise exceeds the known deposit, since the payer may have topped up', async () => {
  const { payee, chain } = await serving();
  chain.states.set(id, { balance: 2_000n, claimed: 0n, withdrawableAt: 0 });
  expect((await payee.receive(await voucher(1_500n))).added).toBe(1_500n);
  chain.answers = false;
  await expect(payee.receive(await voucher(2_500n))).rejects.toMatchObject({ code: 'chain-unavailable' });
});

describe('a channel is not admitted', () => {
  const soon = startSeconds + jobMarginSeconds;
  test.each([
    ['that pays another provider', { provider: addressOfKey(9) }, 'bad-terms'],
    ['with another provider signer', { providerSigner: addressOfKey(9) }, 'bad-terms'],
    ['with another token', { token: addressOfKey(9) }, 'token-unsupported'],
    ['whose job ends too soon to be claimed', { delay: 0, deadline: soon }, 'bad-terms'],
    ['that was never opened', { salt: `0x${'77'.repeat(32)}` as const }, 'channel-missing'],
  ])('%s', async (_, changes, code) => {
    const { payee } = await serving();
    await expect(payee.admit({ ...terms, ...changes })).rejects.toMatchObject({ code });
    expect(payee.views()).toHaveLength(1);
  });

  test('whose vouchers a contract would check', async () => {
    const { payee, chain } = await serving();
    const other = testTerms(2);
    chain.states.set(channelIdOf(other), { balance: 5n, claimed: 0n, withdrawableAt: 0 });
    chain.contracts.add(other.payerSigner);
    await expect(payee.admit(other)).rejects.toMatchObject({ code: 'contract-signer' });
    expect(payee.views()).toHaveLength(1);
  });

  test.each([
    ['that is being withdrawn', startSeconds + 1, 'withdrawal-pending'],
    ['that is closed', closedSentinel, 'channel-closed'],
  ])('%s', async (_, withdrawableAt, code) => {
    const { payee, chain } = await serving();
    const other = testTerms(2);
    chain.states.set(channelIdOf(other), { balance: 5n, claimed: 0n, withdrawableAt });
    await expect(payee.admit(other)).rejects.toMatchObject({ code });
    expect(payee.views()).toHaveLength(1);
  });
});

test('a job accepts vouchers up to its margin and none after', async () => {
  const job = testTerms(2, { delay: 0, deadline: startSeconds + 200 });
  const { payee, clock } = await serving(job);
  await clock.advance(79_000);
  payee.checkMayServe(channelIdOf(job), { perPayerMax: 100n });
  await clock.advance(1_000);
  // The rest of its time is reserved for the claim.
  expect(() => payee.checkMayServe(channelIdOf(job), { perPayerMax: 100n })).toThrow(
    expect.objectContaining({ code: 'deadline-passed' }),
  );
  await clock.advance(120_000);
  await payee.receive(await voucher(10n, keyOf(2), channelIdOf(job)));
  await clock.advance(1_000);
  await expect(payee.receive(await voucher(20n, keyOf(2), channelIdOf(job)))).rejects.toMatchObject({
    code: 'deadline-passed',
  });
});

test('a payer who owes too much across all channels is not served', async () => {
  const { payee, chain } = await serving();
  const other = testTerms(2);
  chain.states.set(channelIdOf(other), { balance: 1_000n, claimed: 0n, withdrawableAt: 0 });
  await payee.admit(other);
  await payee.receive(await voucher(60n));
  payee.checkMayServe(id, { perPayerMax: 100n });
  await payee.receive(await voucher(40n, keyOf(2), channelIdOf(other)));
  expect(() => payee.checkMayServe(id, { perPayerMax: 100n })).toThrow(
    expect.objectContaining({ code: 'exposure-too-large' }),
  );
  chain.states.set(id, { balance: 1_000n, claimed: 60n, withdrawableAt: 0 });
  await payee.refresh(id);
  payee.checkMayServe(id, { perPayerMax: 100n });
});

test('an agreed closure covers everything promised, and nothing is accepted or served after it', async () => {
  const { payee, chain } = await serving();
  await payee.receive(await voucher(50n));
  await expect(payee.agree(id, walletOf(3))).rejects.toMatchObject({ code: 'not-allowed' });
  await payee.receive(await voucher(60n));
  const agreed = await payee.agree(id, walletOf(4));
  expect(agreed).toMatchObject({ finalAmount: 60n, voucher: { cumulativeAmount: 60n } });
  await expect(payee.receive(await voucher(900n))).rejects.toMatchObject({ code: 'closing' });
  expect(() => payee.checkMayServe(id, { perPayerMax: 1_000n })).toThrow(expect.objectContaining({ code: 'closing' }));
  expect(await payee.agree(id, walletOf(4))).toEqual(agreed);
  await close(chain, walletOf(6), agreed);
  expect(chain.sent).toHaveLength(1);
  expect(await payee.claims([id])).toMatchObject([{ cumulativeAmount: 60n }]);
});

test('an agreed closure is never below the amount credited on chain', async () => {
  const { payee, chain } = await serving();
  await payee.receive(await voucher(50n));
  chain.states.set(id, { balance: 1_000n, claimed: 70n, withdrawableAt: 0 });
  expect(await payee.agree(id, walletOf(4))).toMatchObject({ finalAmount: 70n, voucher: null });
});

test('a delivered job accepts nothing more; a session cannot be delivered', async () => {
  const job = testTerms(2, { delay: 0, deadline: startSeconds + 600 });
  const { payee } = await serving(job);
  await payee.receive(await voucher(10n, keyOf(2), channelIdOf(job)));
  await payee.finish(channelIdOf(job));
  await expect(payee.receive(await voucher(20n, keyOf(2), channelIdOf(job)))).rejects.toMatchObject({
    code: 'closing',
  });
  expect(() => payee.checkMayServe(channelIdOf(job), { perPayerMax: 100n })).toThrow(
    expect.objectContaining({ code: 'closing' }),
  );
  await expect((await serving()).payee.finish(id)).rejects.toMatchObject({ code: 'job-only' });
});

describe('concurrent readings', () => {
  test('the most recent request wins, whichever completes last', async () => {
    const { payee, chain } = await serving();
    const { channel } = chain;
    const open = await channel(id);
    const slow = Promise.withResolvers<OnChainState>();
    chain.channel = () => slow.promise;
    const first = payee.refresh(id);
    chain.channel = channel;
    chain.states.set(id, { ...open, withdrawableAt: startSeconds + 5 });
    expect((await payee.refresh(id)).phase).toBe('withdrawing');
    slow.resolve(open);
    expect((await first).phase).toBe('withdrawing');
  });

  test('a withdrawal announced during admission is noticed', async () => {
    const { payee, chain } = await serving();
    const other = testTerms(2);
    const open = { balance: 1_000n, claimed: 0n, withdrawableAt: 0 };
    const { channel } = chain;
    chain.channel = async () => {
      chain.channel = channel;
      chain.states.set(channelIdOf(other), { ...open, withdrawableAt: startSeconds + 5 });
      return open;
    };
    await expect(payee.admit(other)).rejects.toMatchObject({ code: 'withdrawal-pending' });
    expect((await payee.state(channelIdOf(other))).phase).toBe('withdrawing');
  });
});

describe('the channel book', () => {
  const admitted = async (payee: Payee, chain: TestChain, salt: number) => {
    const each = testTerms(salt);
    chain.states.set(channelIdOf(each), { balance: 1_000n, claimed: 0n, withdrawableAt: 0 });
    return payee.admit(each);
  };

  test('evicts only closed channels when full', async () => {
    const storage = testStorage();
    const chain = testChain();
    const payee = await testPayee(storage, { chain, channelsMax: 3 });
    const ids = [await admitted(payee, chain, 1), await admitted(payee, chain, 2), await admitted(payee, chain, 3)];
    await expect(admitted(payee, chain, 4)).rejects.toMatchObject({ code: 'too-many-channels' });
    chain.states.set(ids[1]!, { balance: 0n, claimed: 0n, withdrawableAt: closedSentinel });
    await payee.refresh(ids[1]!);
    const next = await admitted(payee, chain, 4);
    const kept = [ids[0], ids[2], next].toSorted();
    expect(
      payee
        .views()
        .map((view) => view.id)
        .toSorted(),
    ).toEqual(kept);
    expect(
      (await testPayee(storage, { chain }))
        .views()
        .map((view) => view.id)
        .toSorted(),
    ).toEqual(kept);
    // A closed channel is not admitted again.
    await expect(payee.admit(testTerms(2))).rejects.toMatchObject({ code: 'channel-closed' });
  });

  test('cannot be filled with dust', async () => {
    const chain = testChain();
    const payee = await testPayee(testStorage(), { chain, depositMin: 1_001n });
    await expect(admitted(payee, chain, 1)).rejects.toMatchObject({
      code: 'deposit-too-small',
      details: { minimum: '1001', given: '1000' },
    });
    expect(payee.views()).toEqual([]);
  });

  test('continues without an unreadable channel, reports it and does not overwrite it', async () => {
    const storage = testStorage();
    const chain = testChain();
    const payee = await testPayee(storage, { chain });
    await admitted(payee, chain, 1);
    await admitted(payee, chain, 2);
    const [[key, value]] = [...storage.values] as [[string, unknown]];
    storage.values.set(key, 'nonsense');
    const again = await testPayee(storage, { chain });
    expect(again.unreadable).toEqual([key]);
    expect(again.views()).toHaveLength(1);
    await expect(again.admit((value as { readonly terms: ChannelTerms }).terms)).rejects.toMatchObject({
      code: 'bad-record',
    });
    expect(storage.values.get(key)).toBe('nonsense');
  });
});
