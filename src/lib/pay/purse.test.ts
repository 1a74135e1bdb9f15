import { expect, test } from 'vitest';
import { seededRandom } from '#lib/base/random.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import type { Payout } from '#lib/protocol/payment.ts';
import { channelIdOf, delayMin } from './terms.ts';
import {
  addressOfKey,
  bankingChain,
  parties,
  startSeconds,
  testClock,
  testPayer,
  testStorage,
  testTerms,
  walletOf,
} from './pay.fixture.ts';
import type { BankingChain, TestStorage } from './pay.fixture.ts';
import { createPurse, type PurseLimits } from './purse.ts';
import { createChainTime } from './chain-time.ts';
import { payError } from './errors.ts';
import { offerKeyOf } from './registry.ts';
import { closedSentinel } from './spec.ts';
import type { Sponsor } from './sponsor.ts';
import type { SessionKey } from './wallet/session-key.ts';

const lower = (address: string) => address.toLowerCase() as `0x${string}`;
const payout: Payout = {
  chain: 31_337,
  provider: lower(parties.provider),
  providerSigner: lower(parties.providerSigner),
  delay: delayMin,
  depositMin: '500',
};
const limits: PurseLimits = {
  perJobMax: 1_000n,
  perProviderMax: 3_000n,
  depositsMax: 5_000n,
  sponsorFeeMax: 100n,
  jobsPerDeposit: 4n,
};

async function walking(
  changes: Partial<PurseLimits> = {},
  {
    storage = testStorage(),
    chain = bankingChain(),
    seed = 50,
    key = {},
  }: {
    readonly storage?: TestStorage;
    readonly chain?: BankingChain;
    readonly seed?: number;
    readonly key?: Partial<SessionKey>;
  } = {},
) {
  const clock = testClock();
  const { payer } = await testPayer(storage, { clock, chain, ...key });
  const time = createChainTime(chain, clock);
  const wallet = walletOf(1);
  const purse = createPurse(
    { chains: [{ chain, time, payer, wallet, sender: wallet }], random: seededRandom(seed) },
    { ...limits, ...changes },
  );
  let jobs = 0;
  const open = (budget: bigint, to: Partial<Payout> = {}) =>
    purse.open({ ...payout, ...to }, { id: `job ${++jobs}`, peer: 'peer', budget, tier: 'open' });
  return { open, payer, chain, storage, clock };
}

test('what others have set aside for jobs of their own counts towards no limit of this owner', async () => {
  const { open, chain, payer } = await walking({ depositsMax: 1_000n });
  const theirs = testTerms(3, { payer: addressOfKey(9), delay: 0, deadline: chain.now + 9_000 });
  await payer.begin(theirs);
  await payer.observe(channelIdOf(theirs), { balance: 900n, claimed: 0n, withdrawableAt: 0 });
  await open(200n);
  expect(chain.deposits).toEqual([800n]);
});

test('opens a channel for several such jobs, and pays the next out of it without a request', async () => {
  const { open, chain, payer } = await walking();
  const first = await open(200n);
  expect(chain.deposits).toEqual([800n]);
  expect(first).toMatchObject({ chain: 31_337, terms: { provider: payout.provider, delay: delayMin } });
  expect(first.promised()).toBe(0n);
  expect((await first.promise(50n)).cumulativeAmount).toBe(50n);
  chain.answers = false;
  const second = await open(200n);
  expect(second.channelId).toBe(first.channelId);
  expect((await second.promise(30n)).cumulativeAmount).toBe(80n);
  expect((await first.promise(60n)).cumulativeAmount).toBe(90n);
  expect([first.promised(), second.promised(), await payer.spent()]).toEqual([60n, 30n, 90n]);
});

test('a job promises up to its budget, never less than before, and nothing once it has ended', async () => {
  const { open, payer } = await walking();
  const job = await open(200n);
  await expect(job.promise(201n)).rejects.toMatchObject({ code: 'over-budget' });
  await expect(job.promise(0n)).rejects.toMatchObject({ code: 'amount-zero' });
  const whole = await job.promise(200n);
  expect(await job.promise(10n)).toEqual(whole);
  expect(await job.promise(200n)).toEqual(whole);
  job.end();
  job.end();
  await expect(job.promise(200n)).rejects.toMatchObject({ code: 'payment-ended' });
  expect(await payer.spent()).toBe(200n);
});

test('what a job does not use of its budget is free for the next', async () => {
  const { open, chain } = await walking({ jobsPerDeposit: 1n });
  const job = await open(600n);
  await job.promise(100n);
  job.end();
  const next = await open(500n);
  expect(next.channelId).toBe(job.channelId);
  expect(chain.deposits).toEqual([600n]);
  await next.promise(500n);
});

test('tops a channel up when jobs under way have reserved what is in it', async () => {
  const { open, chain } = await walking({ jobsPerDeposit: 1n });
  const [first, second] = [await open(600n), await open(600n)];
  expect(second.channelId).toBe(first.channelId);
  expect(chain.deposits).toEqual([600n, 600n]);
  await first.promise(600n);
  expect((await second.promise(600n)).cumulativeAmount).toBe(1_200n);
});

test('two jobs at once for one provider open one channel', async () => {
  const { open, chain } = await walking();
  const [first, second] = await Promise.all([open(100n), open(100n)]);
  expect(second.channelId).toBe(first.channelId);
  expect(chain.deposits).toEqual([500n]);
});

test('keeps to the owner’s limits: per job, per provider, in all, and of the key', async () => {
  const { open, chain, payer } = await walking({ depositsMax: 1_300n, perProviderMax: 1_000n });
  await expect(open(1_001n)).rejects.toMatchObject({ code: 'over-budget' });
  await expect(open(0n)).rejects.toMatchObject({ code: 'amount-zero' });
  await expect(open(5n, { depositMin: '1001' })).rejects.toMatchObject({ code: 'deposit-limit' });
  await open(1_000n);
  // As much as is wished for, cut to the limit.
  expect(chain.deposits).toEqual([1_000n]);
  await expect(open(5n)).rejects.toMatchObject({ code: 'deposit-limit' });
  const other = { provider: lower(addressOfKey(8)), depositMin: '1' };
  await expect(open(301n, other)).rejects.toMatchObject({ code: 'deposit-limit' });
  await open(300n, other);
  expect(chain.deposits).toEqual([1_000n, 300n]);
  expect(await payer.spent()).toBe(0n);
  const poor = await walking({}, { key: { limit: 300n } });
  await poor.open(200n);
  await expect(poor.open(101n)).rejects.toMatchObject({ code: 'session-limit' });
  const late = await walking({}, { key: { expiresAt: startSeconds } });
  await expect(late.open(1n)).rejects.toMatchObject({ code: 'session-expired' });
});

test.each([
  ['an unknown chain', { chain: 1 }, 'chain-unknown'],
  ['a delay no channel can have', { delay: 5 }, 'bad-terms'],
  ['no address', { provider: '0x12' as const }, 'bad-address'],
])('refuses %s before anything is signed', async (_, changes, code) => {
  const { open, chain, payer } = await walking();
  await expect(open(5n, changes)).rejects.toMatchObject({ code });
  expect([chain.deposits, payer.list()]).toEqual([[], []]);
});

test('a wallet with less than is wished for deposits what it has; with less than is needed, it says so', async () => {
  const chain = bankingChain();
  chain.tokenBalance = async () => 550n;
  const { open } = await walking({}, { chain });
  await open(200n);
  expect(chain.deposits).toEqual([550n]);
  chain.tokenBalance = async () => 10n;
  await expect(open(500n)).rejects.toMatchObject({ code: 'insufficient-funds' });
});

test('an opening that was interrupted is found again: one channel, one deposit', async () => {
  const chain = bankingChain();
  const storage = testStorage();
  const before = await walking({}, { chain, storage });
  const { transact } = chain;
  chain.transact = async (...args) => {
    await transact(...args);
    throw payError('transaction-stuck');
  };
  await expect(before.open(200n)).rejects.toMatchObject({ code: 'transaction-stuck' });
  chain.transact = transact;
  const job = await (await walking({}, { chain, storage, seed: 51 })).open(200n);
  expect(before.payer.list().map(({ id }) => id)).toEqual([job.channelId]);
  expect(chain.deposits).toEqual([800n]);
});

test('an opening that goes in while it is tried again is used, not paid for twice', async () => {
  const chain = bankingChain();
  const { open } = await walking({}, { chain });
  const { transact } = chain;
  chain.transact = async (...args) => {
    await transact(...args);
    return transact(...args);
  };
  const job = await open(200n);
  expect(chain.deposits).toEqual([800n]);
  expect((await job.promise(200n)).cumulativeAmount).toBe(200n);
});

test('a deposit whose outcome is unknown counts against the limits until its signature is void', async () => {
  const { open, chain, clock } = await walking(
    { depositsMax: 1_000n, jobsPerDeposit: 1n },
    { key: { expiresAt: startSeconds + 10_000 } },
  );
  const { transact } = chain;
  chain.transact = async () => {
    throw payError('transaction-stuck');
  };
  await expect(open(800n)).rejects.toMatchObject({ code: 'transaction-stuck' });
  chain.transact = transact;
  const other = { provider: lower(addressOfKey(8)), depositMin: '1' };
  await expect(open(300n, other)).rejects.toMatchObject({ code: 'deposit-limit' });
  await clock.advance(3_600_000);
  chain.now += 3_600;
  await open(300n, other);
  expect(chain.deposits).toEqual([300n]);
});

test('a channel that is leaving or closed is not used; another is opened', async () => {
  const { open, chain, clock } = await walking();
  const first = await open(100n);
  first.end();
  const state = chain.states.get(first.channelId)!;
  chain.states.set(first.channelId, { ...state, withdrawableAt: closedSentinel });
  // Once what is known about it is out of date, it is read again.
  await clock.advance(5 * 60_000);
  const second = await open(100n);
  expect(second.channelId).not.toBe(first.channelId);
  expect(chain.deposits).toEqual([500n, 500n]);
});

test('after a restart nothing promised is forgotten, and the channel is used on', async () => {
  const [chain, storage] = [bankingChain(), testStorage()];
  const before = await (await walking({}, { chain, storage })).open(200n);
  await before.promise(150n);
  const { open } = await walking({}, { chain, storage, seed: 51 });
  const job = await open(650n);
  expect(job.channelId).toBe(before.channelId);
  expect((await job.promise(1n)).cumulativeAmount).toBe(151n);
  expect(chain.deposits).toEqual([800n]);
});

test('a deposit that the chain forgot is made again for the same channel, and covers what was promised before', async () => {
  const { open, chain } = await walking({ jobsPerDeposit: 1n });
  const job = await open(600n);
  await job.promise(250n);
  chain.states.delete(job.channelId);
  job.end('doubted');
  const next = await open(600n);
  expect(next.channelId).toBe(job.channelId);
  expect(chain.states.get(next.channelId)?.balance).toBe(850n);
  expect((await next.promise(600n)).cumulativeAmount).toBe(850n);
});

test('where a payment is refused, what is known of other channels is doubted too: the chain has one past for all', async () => {
  const { open, chain } = await walking({ jobsPerDeposit: 1n });
  const other = { provider: addressOfKey(9) };
  const [job, elsewhere] = [await open(600n), await open(600n, other)];
  elsewhere.end();
  chain.states.clear();
  job.end('refused');
  const next = await open(600n, other);
  expect(next.channelId).toBe(elsewhere.channelId);
  expect(chain.deposits).toEqual([600n, 600n, 600n]);
  expect([...chain.states.keys()]).toEqual([next.channelId]);
});

test('a doubted channel is read before it pays again, and then known once more', async () => {
  const { open, chain } = await walking();
  const job = await open(200n);
  job.end('doubted');
  chain.answers = false;
  await expect(open(200n)).rejects.toMatchObject({ code: 'chain-unavailable' });
  chain.answers = true;
  expect((await open(200n)).channelId).toBe(job.channelId);
  chain.answers = false;
  expect((await open(200n)).channelId).toBe(job.channelId);
});

test('a chunk that was stored although its write failed is paid once, by this job or by the next', async () => {
  for (const isRepeated of [true, false]) {
    const storage = testStorage();
    const { open, payer } = await walking({}, { storage });
    const job = await open(200n);
    await job.promise(10n);
    const { update } = storage;
    storage.update = async (...args) => {
      storage.update = update;
      await update(...args);
      throw payError('store-conflict');
    };
    await expect(job.promise(20n)).rejects.toMatchObject({ code: 'store-conflict' });
    expect(job.promised()).toBe(10n);
    if (isRepeated) expect((await job.promise(20n)).cumulativeAmount).toBe(20n);
    job.end();
    const next = await open(200n);
    expect((await next.promise(10n)).cumulativeAmount).toBe(isRepeated ? 30n : 20n);
    expect(await payer.spent()).toBe(isRepeated ? 30n : 20n);
  }
});

test('a deposit that a sponsor refused to send counts against the limits: it holds the signature', async () => {
  const [chain, clock] = [bankingChain(), testClock()];
  const { payer } = await testPayer(testStorage(), { clock, chain, expiresAt: startSeconds + 10_000 });
  const refusing: Pick<Sponsor, 'quote' | 'send'> = {
    quote: async () => ({ sponsor: addressOfKey(6), fee: 10n }),
    send: async () => {
      throw payError('fee-too-small');
    },
  };
  const on = { chain, time: createChainTime(chain, clock), payer, wallet: walletOf(1), sender: refusing };
  const purse = createPurse({ chains: [on], random: seededRandom(52) }, { ...limits, depositsMax: 1_000n });
  const open = () => purse.open(payout, { id: 'a', peer: 'p', budget: 600n, tier: 'open' });
  await expect(open()).rejects.toMatchObject({ code: 'fee-too-small' });
  await expect(open()).rejects.toMatchObject({ code: 'deposit-limit' });
  await clock.advance(3_600_000);
  chain.now += 3_600;
  await expect(open()).rejects.toMatchObject({ code: 'fee-too-small' });
  const dear = createPurse({ chains: [on], random: seededRandom(53) }, { ...limits, sponsorFeeMax: 9n });
  await expect(dear.open(payout, { id: 'a', peer: 'p', budget: 6n, tier: 'open' })).rejects.toMatchObject({
    code: 'sponsor-too-dear',
  });
});

test('nothing is paid in for a peer whose provider the registry gives to another', async () => {
  const [chain, clock] = [bankingChain(), testClock()];
  const { stake } = chain;
  chain.stake = async (...args) => ({ ...(await stake(...args)), offerKey: offerKeyOf(peerOf(1)) });
  const { payer } = await testPayer(testStorage(), { clock, chain });
  const on = { chain, time: createChainTime(chain, clock), payer, wallet: walletOf(1), sender: walletOf(1) };
  const purse = createPurse({ chains: [on], random: seededRandom(5) }, limits);
  const open = (n: number) => purse.open(payout, { id: String(n), peer: peerOf(n), budget: 500n, tier: 'open' });
  await expect(open(2)).rejects.toMatchObject({ code: 'provider-mismatch' });
  expect(chain.sent).toEqual([]);
  await open(1);
  expect(chain.deposits).toEqual([2_000n]);
});

test.each(['verified', 'confidential', 'anything'])(
  'the tier %s is paid to a provider with a bond alone, looked up each time, and to nobody while the chain is silent',
  async (tier) => {
    const [chain, clock] = [bankingChain(), testClock()];
    const { stake } = chain;
    let registered: Partial<Awaited<ReturnType<typeof stake>>> = {};
    chain.stake = async (...args) => ({ ...(await stake(...args)), ...registered });
    const { payer } = await testPayer(testStorage(), { clock, chain });
    const on = { chain, time: createChainTime(chain, clock), payer, wallet: walletOf(1), sender: walletOf(1) };
    const purse = createPurse({ chains: [on], random: seededRandom(5) }, limits);
    let jobs = 0;
    const open = (wanted: string) =>
      purse.open(payout, { id: String(++jobs), peer: peerOf(1), budget: 500n, tier: wanted });
    await expect(open(tier)).rejects.toMatchObject({ code: 'provider-unlisted' });
    registered = { offerKey: offerKeyOf(peerOf(1)) };
    await expect(open(tier)).rejects.toMatchObject({
      code: 'provider-unlisted',
      details: { tier, registration: 'described' },
    });
    expect(chain.sent).toEqual([]);
    registered = { offerKey: offerKeyOf(peerOf(1)), isListed: true };
    (await open(tier)).end();
    // A channel that is open already is no reason to believe it.
    registered = {};
    await expect(open(tier)).rejects.toMatchObject({ code: 'provider-unlisted' });
    (await open('open')).end();
    chain.stake = async () => Promise.reject(payError('chain-unavailable'));
    await expect(open(tier)).rejects.toMatchObject({ code: 'chain-unavailable' });
  },
);

const peerOf = (n: number) => createSigner(new Uint8Array(32).fill(n)).peer;
