import { describe, expect, test } from 'vitest';
import { createPayee, jobMarginSeconds } from './payee.ts';
import { addressOf, entry, keyOf, startSeconds, testChain, testClock, testStorage, testTerms } from './pay.fixture.ts';
import { closedMark, type ChannelTerms } from './spec.ts';
import { channelIdOf } from './terms.ts';
import { createVoucherSigner, voucherRecord } from './voucher.ts';
import { createVoucherStore } from './voucher-store.ts';

const terms = testTerms();
const id = channelIdOf(terms);
const signer = createVoucherSigner(entry);
const voucher = async (amount: bigint, key = keyOf(2), channel = id) =>
  voucherRecord(await signer.sign(key, channel, amount));

async function serving(given: ChannelTerms = terms) {
  const chain = testChain();
  const clock = testClock();
  const storage = testStorage();
  const payee = await createPayee({
    store: createVoucherStore(storage),
    clock,
    chain,
    provider: addressOf(3),
    providerSigner: addressOf(4),
  });
  chain.states.set(channelIdOf(given), { balance: 1_000n, claimed: 0n, withdrawableAt: 0 });
  await payee.admit(given);
  return { payee, chain, clock, storage };
}

test('takes what is promised, once, and says how much is new', async () => {
  const { payee } = await serving();
  expect(await payee.receive(await voucher(10n))).toEqual({ channelId: id, added: 10n, total: 10n });
  expect(await payee.receive(await voucher(25n))).toMatchObject({ added: 15n, total: 25n });
  expect(await payee.receive(await voucher(25n))).toMatchObject({ added: 0n, total: 25n });
  expect(await payee.claims([id])).toMatchObject([{ channel: terms, cumulativeAmount: 25n }]);
});

describe('a voucher is refused, and nothing is written', () => {
  test.each<readonly [string, () => Promise<unknown>, string]>([
    ['smaller than the newest', () => voucher(99n), 'voucher-regress'],
    ['larger than the deposit', () => voucher(1_001n), 'overdrawn'],
    ['the largest there is', () => voucher(2n ** 128n - 1n), 'overdrawn'],
    ['of another key', () => voucher(200n, keyOf(3)), 'bad-signature'],
    ['of another channel', () => voucher(200n, keyOf(2), channelIdOf(testTerms(8))), 'wrong-channel'],
    ['for nothing', async () => ({ ...(await voucher(1n)), cumulativeAmount: '0' }), 'bad-voucher'],
    ['with a signature too short', async () => ({ ...(await voucher(200n)), signature: '0x1234' }), 'bad-voucher'],
    ['changed on the way', async () => ({ ...(await voucher(200n)), cumulativeAmount: '201' }), 'bad-signature'],
    ['that is none', async () => null, 'bad-voucher'],
  ])('%s', async (_, make, code) => {
    const { payee, storage } = await serving();
    await payee.receive(await voucher(100n));
    const writes = storage.writes();
    await expect(payee.receive(await make())).rejects.toMatchObject({ code });
    expect(storage.writes()).toBe(writes);
    expect((await payee.state(id)).promised).toBe(100n);
  });

  test('of a channel that has ended', async () => {
    const { payee } = await serving();
    await payee.observe(id, { balance: 0n, claimed: 0n, withdrawableAt: closedMark });
    await expect(payee.receive(await voucher(1n))).rejects.toMatchObject({ code: 'channel-closed' });
  });
});

test('looks at the chain when more is promised than it knows of: the payer may have topped up', async () => {
  const { payee, chain } = await serving();
  chain.states.set(id, { balance: 2_000n, claimed: 0n, withdrawableAt: 0 });
  expect((await payee.receive(await voucher(1_500n))).added).toBe(1_500n);
  chain.answers = false;
  await expect(payee.receive(await voucher(2_500n))).rejects.toMatchObject({ code: 'chain-unavailable' });
});

describe('a channel is not admitted', () => {
  const soon = startSeconds + jobMarginSeconds - 1;
  test.each([
    ['that pays somebody else', { provider: addressOf(9) }, 'bad-terms'],
    ['that another key closes', { providerSigner: addressOf(9) }, 'bad-terms'],
    ['in another token', { token: addressOf(9) }, 'token-unsupported'],
    ['whose job ends too soon to be claimed', { delay: 0, deadline: soon }, 'bad-terms'],
    ['that nobody opened', { salt: `0x${'77'.repeat(32)}` as const }, 'channel-missing'],
  ])('%s', async (_, changes, code) => {
    const { payee } = await serving();
    await expect(payee.admit({ ...terms, ...changes })).rejects.toMatchObject({ code });
    expect(payee.views()).toHaveLength(1);
  });

  test.each([
    ['that is being withdrawn', startSeconds + 1, 'withdrawal-pending'],
    ['that has ended', closedMark, 'channel-closed'],
  ])('%s', async (_, withdrawableAt, code) => {
    const { payee, chain } = await serving();
    const other = testTerms(2);
    chain.states.set(channelIdOf(other), { balance: 5n, claimed: 0n, withdrawableAt });
    await expect(payee.admit(other)).rejects.toMatchObject({ code });
    expect(payee.views()).toHaveLength(1);
  });
});

test('a job takes vouchers in its last second, and none after it', async () => {
  const job = testTerms(2, { delay: 0, deadline: startSeconds + 200 });
  const { payee, clock } = await serving(job);
  await clock.advance(200_000);
  await payee.receive(await voucher(10n, keyOf(2), channelIdOf(job)));
  await clock.advance(1_000);
  await expect(payee.receive(await voucher(20n, keyOf(2), channelIdOf(job)))).rejects.toMatchObject({
    code: 'deadline-passed',
  });
});

test('a payer that owes too much, over all its channels, is not served', async () => {
  const { payee, chain } = await serving();
  const other = testTerms(2);
  chain.states.set(channelIdOf(other), { balance: 1_000n, claimed: 0n, withdrawableAt: 0 });
  await payee.admit(other);
  await payee.receive(await voucher(60n));
  await payee.checkMayServe(id, { perPayerMax: 100n });
  await payee.receive(await voucher(40n, keyOf(2), channelIdOf(other)));
  await expect(payee.checkMayServe(id, { perPayerMax: 100n })).rejects.toMatchObject({ code: 'exposure-too-large' });
  chain.states.set(id, { balance: 1_000n, claimed: 60n, withdrawableAt: 0 });
  await payee.refresh(id);
  await payee.checkMayServe(id, { perPayerMax: 100n });
});
