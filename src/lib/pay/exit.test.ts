import { decodeFunctionData } from 'viem';
import { describe, expect, test } from 'vitest';
import { TabloomError } from '#lib/base/errors.ts';
import { channelsAbi } from '#contracts/channels.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { createChainTime } from './chain-time.ts';
import { payError } from './errors.ts';
import { createExit, type ExitComponents } from './exit.ts';
import {
  addressOfKey,
  entry,
  startSeconds,
  testChain,
  testClock,
  testPayer,
  testStorage,
  testTerms,
  walletOf,
  type TestChain,
} from './pay.fixture.ts';
import { closedSentinel, type ChainEvent } from './spec.ts';
import { channelIdOf, delayMin } from './terms.ts';
import { closeData } from './typed-data.ts';

const terms = testTerms();
const id = channelIdOf(terms);
const withdrawableAt = startSeconds + delayMin;

async function leaving(agree?: ExitComponents['agree']) {
  const [chain, clock] = [testChain(), testClock()];
  const warnings: unknown[] = [];
  const { payer } = await testPayer(testStorage(), { chain, clock });
  await payer.begin(terms);
  chain.states.set(id, { balance: 100n, claimed: 0n, withdrawableAt: 0 });
  await payer.refresh(id);
  const exit = createExit({
    chain,
    clock,
    time: createChainTime(chain, clock),
    payer,
    signer: walletOf(2),
    sender: walletOf(9),
    agree,
    logger: { ...silentLogger, warn: (event, fields) => warnings.push({ event, ...fields }) },
  });
  /** What the next transaction does on the chain. */
  const mine = (...events: ChainEvent[]) => {
    const { transact } = chain;
    chain.transact = async (...args) => {
      chain.transact = transact;
      return { ...(await transact(...args)), events };
    };
  };
  return { exit, payer, chain, clock, mine, warnings };
}

test('an announcement ends promises at once; the money comes back by itself once the delay is over', async () => {
  const { exit, payer, chain, clock, mine } = await leaving();
  await payer.promise(id, 10n);
  mine({ type: 'withdrawal-announced', channelId: id, withdrawableAt });
  expect(await exit.leave(id)).toBe(withdrawableAt);
  await expect(payer.promise(id, 11n)).rejects.toMatchObject({ code: 'withdrawal-pending' });
  chain.states.set(id, { balance: 100n, claimed: 10n, withdrawableAt });
  expect(await exit.leave(id)).toBe(withdrawableAt);
  expect(chain.sent).toHaveLength(1);

  await clock.advance((delayMin - 1) * 1_000);
  chain.now = withdrawableAt - 1;
  expect(await exit.round()).toEqual([]);
  await clock.advance(1_000);
  mine({ type: 'closed', channelId: id, closing: 'withdrawn', claimed: 10n, returned: 90n });
  expect(await exit.round()).toEqual([{ channelId: id, returned: 90n }]);
  expect((await payer.state(id)).phase).toBe('closed');
  expect(await exit.round()).toEqual([]);
  expect(chain.sent).toHaveLength(2);
});

test('a job that nobody was paid for is refunded after its deadline, not before', async () => {
  const { exit, payer, chain, clock, mine } = await leaving();
  const job = testTerms(2, { delay: 0, deadline: startSeconds + 10 });
  const jobId = channelIdOf(job);
  await payer.begin(job);
  await expect(exit.leave(jobId)).rejects.toMatchObject({ code: 'channel-missing' });
  chain.states.set(jobId, { balance: 50n, claimed: 0n, withdrawableAt: 0 });
  await payer.refresh(jobId);
  await expect(exit.leave(jobId)).rejects.toMatchObject({ code: 'session-only' });
  await clock.advance(10_000);
  chain.now = startSeconds + 10;
  expect(await exit.round()).toEqual([]);
  await clock.advance(1_000);
  mine({ type: 'closed', channelId: jobId, closing: 'job-refunded', claimed: 0n, returned: 50n });
  expect(await exit.round()).toEqual([{ channelId: jobId, returned: 50n }]);
});

test('what fails is tried again, unless somebody else has ended the channel', async () => {
  const { exit, payer, chain, clock, warnings } = await leaving();
  chain.states.set(id, { balance: 100n, claimed: 0n, withdrawableAt });
  await payer.refresh(id);
  await clock.advance(delayMin * 1_000);
  chain.now = withdrawableAt;
  const { transact } = chain;
  let tries = 0;
  chain.transact = async () => {
    tries++;
    throw payError('transaction-stuck');
  };
  expect(await exit.round()).toEqual([]);
  expect(await exit.round()).toEqual([]);
  chain.states.set(id, { balance: 0n, claimed: 0n, withdrawableAt: closedSentinel });
  expect(await exit.round()).toEqual([]);
  expect(await exit.round()).toEqual([]);
  expect(tries).toBe(3);
  expect(warnings).toHaveLength(3);
  chain.transact = transact;
  await expect(exit.leave(id)).rejects.toMatchObject({ code: 'channel-closed' });
});

test('goes round by itself until it is stopped', async () => {
  const { exit, chain, clock } = await leaving();
  let reads = 0;
  const { head } = chain;
  chain.head = async () => (reads++, head());
  await exit.start();
  await clock.advance(600_000);
  expect(reads).toBe(2);
  await exit.stop();
  await clock.advance(600_000);
  expect(reads).toBe(2);
});

test('without gas a sponsor announces for a fee within the limit, and withdraws by itself', async () => {
  const [chain, clock] = [testChain(), testClock()];
  const { payer } = await testPayer(testStorage(), { chain, clock });
  await payer.begin(terms);
  chain.states.set(id, { balance: 100n, claimed: 0n, withdrawableAt: 0 });
  await payer.refresh(id);
  const announced: unknown[] = [];
  const sponsorship = { sponsor: addressOfKey(6), fee: 9n };
  const sender = {
    quote: async () => sponsorship,
    async announce(signed: unknown) {
      announced.push(signed);
      chain.states.set(id, { balance: 100n, claimed: 0n, withdrawableAt });
      return { hash: '0x' as const, blockNumber: 1n, gasUsed: 1n, events: [], withdrawableAt };
    },
  };
  const time = createChainTime(chain, clock);
  const components = { chain, clock, time, payer, signer: walletOf(2), sender, logger: silentLogger };
  await expect(createExit(components, { sponsorFeeMax: 8n }).leave(id)).rejects.toMatchObject({
    code: 'sponsor-too-dear',
  });
  const exit = createExit(components, { sponsorFeeMax: 9n });
  expect(await exit.leave(id)).toBe(withdrawableAt);
  expect(announced).toEqual([{ terms, sponsorship, signature: expect.stringMatching(/^0x/) }]);
  chain.now = withdrawableAt;
  await clock.advance(delayMin * 1_000);
  chain.states.set(id, { balance: 0n, claimed: 0n, withdrawableAt: closedSentinel });
  expect(await exit.round()).toEqual([]);
  expect((await payer.state(id)).phase).toBe('closed');
  expect(chain.sent).toEqual([]);
});

describe('with a provider that is there', () => {
  const closed: ChainEvent = { type: 'closed', channelId: id, closing: 'cooperative', claimed: 10n, returned: 90n };
  const agreeTo = (finalAmount: bigint) => async () => ({
    finalAmount,
    signature: await walletOf(4).signTypedData(closeData(entry, id, finalAmount)),
  });
  const called = (chain: TestChain) =>
    chain.sent.map(({ data }) => decodeFunctionData({ abi: channelsAbi, data }).functionName);

  test('the channel is closed at once, at what was agreed', async () => {
    const { exit, payer, chain, mine } = await leaving(agreeTo(10n));
    await payer.promise(id, 10n);
    mine(closed);
    expect(await exit.leave(id)).toBeNull();
    expect(called(chain)).toEqual(['close']);
    expect((await payer.state(id)).phase).toBe('closed');
  });

  test('the last voucher may not have arrived there: less than what was promised is fine', async () => {
    const { exit, payer, mine } = await leaving(agreeTo(10n));
    await payer.promise(id, 25n);
    mine(closed);
    expect(await exit.leave(id)).toBeNull();
  });

  test.each([
    ['names more than was promised', agreeTo(11n)],
    ['signs for another amount', async () => ({ ...(await agreeTo(9n)()), finalAmount: 10n })],
    ['refuses', async () => Promise.reject(payError('wrong-channel'))],
    ['is not there', async () => Promise.reject(new TabloomError('peer-lost', ''))],
  ])('one that %s has the withdrawal announced', async (_, agree) => {
    const { exit, payer, chain, mine } = await leaving(agree);
    await payer.promise(id, 10n);
    mine({ type: 'withdrawal-announced', channelId: id, withdrawableAt });
    expect(await exit.leave(id)).toBe(withdrawableAt);
    expect(called(chain)).toEqual(['announceWithdrawalFor']);
  });

  test('a closing that fails on the chain is announced instead, unless it went through after all', async () => {
    const { exit, payer, chain, mine } = await leaving(agreeTo(10n));
    await payer.promise(id, 10n);
    const { transact } = chain;
    chain.transact = async () => {
      chain.transact = transact;
      mine({ type: 'withdrawal-announced', channelId: id, withdrawableAt });
      throw payError('chain-unavailable');
    };
    expect(await exit.leave(id)).toBe(withdrawableAt);
    const again = await leaving(agreeTo(10n));
    await again.payer.promise(id, 10n);
    again.chain.transact = async () => {
      again.chain.states.set(id, { balance: 10n, claimed: 10n, withdrawableAt: closedSentinel });
      throw payError('chain-unavailable');
    };
    expect(await again.exit.leave(id)).toBeNull();
  });
});
