import { toFunctionSelector, type AbiFunction } from 'viem';
import { expect, test } from 'vitest';
import { silentLogger } from '#lib/base/logger.ts';
import { channelsAbi } from '#contracts/channels.ts';
import { createCollector } from './collect.ts';
import {
  entry,
  keyOf,
  startSeconds,
  testChain,
  testClock,
  testPayee,
  testStorage,
  testTerms,
  walletOf,
} from './pay.fixture.ts';
import { claimPolicyDefault } from './policy.ts';
import type { ChannelTerms } from './spec.ts';
import { channelIdOf } from './terms.ts';
import { createVoucherSigner, voucherRecord } from './voucher.ts';

const terms = testTerms();
const id = channelIdOf(terms);
const vouchers = createVoucherSigner(entry);
const selectorOf = (name: string) =>
  toFunctionSelector(channelsAbi.find((item) => 'name' in item && item.name === name) as AbiFunction);
const [claimSelector, settleSelector] = [selectorOf('claim'), selectorOf('settle')];

async function collecting(given: ChannelTerms = terms) {
  const chain = testChain();
  const id = channelIdOf(given);
  const clock = testClock();
  const warnings: unknown[] = [];
  const payee = await testPayee(testStorage(), { chain, clock });
  chain.states.set(id, { balance: 10_000_000n, claimed: 0n, withdrawableAt: 0 });
  await payee.admit(given);
  const collector = createCollector(
    {
      chain,
      clock,
      payee,
      vouchers,
      wallet: walletOf(3),
      logger: { ...silentLogger, warn: (event, fields) => warnings.push({ event, ...fields }) },
    },
    { policy: claimPolicyDefault, rate: { units: 4_000_000_000n, wei: 10n ** 18n } },
  );
  const promise = async (amount: bigint) => payee.receive(voucherRecord(await vouchers.sign(keyOf(2), id, amount)));
  return { chain, clock, payee, collector, promise, warnings };
}

test('leaves small amounts, and claims at once when the payer announces a withdrawal', async () => {
  const { chain, collector, promise } = await collecting();
  await promise(500_000n);
  expect(await collector.round()).toEqual([]);
  expect(chain.sent).toHaveLength(0);
  chain.states.set(id, { balance: 10_000_000n, claimed: 0n, withdrawableAt: chain.now + 86_400 });
  // The follower compares block hashes, so it only sees the event in the next block.
  chain.head = async () => ({ number: 101n, hash: `0x${'44'.repeat(32)}`, timestamp: chain.now });
  chain.events = async () => [{ type: 'withdrawal-announced', channelId: id, withdrawableAt: chain.now + 86_400 }];
  expect(await collector.round()).toHaveLength(1);
  expect(chain.sent).toHaveLength(1);
});

test('continues after a failed claim, and rereads the blocks after an interrupted round', async () => {
  const { chain, collector, promise, warnings } = await collecting();
  await promise(9_000_000n);
  chain.answers = false;
  await expect(collector.round()).rejects.toMatchObject({ code: 'chain-unavailable' });
  chain.answers = true;
  const { transact } = chain;
  chain.transact = async () => {
    throw Object.assign(new Error('no'), { code: 'transaction-stuck' });
  };
  expect(await collector.round()).toEqual([]);
  expect(warnings).toEqual([{ event: 'claim-failed', code: 'transaction-stuck', channels: 1 }]);
  chain.transact = transact;
  expect(await collector.round()).toHaveLength(1);
});

test('a job being claimed accepts no more vouchers, whether or not the claim succeeds', async () => {
  const job = testTerms(2, { delay: 0, deadline: startSeconds + 600 });
  const { chain, payee, collector, promise } = await collecting(job);
  await promise(500_000n);
  expect(await collector.round()).toEqual([]);
  // The chain's clock is ahead of this device's; the claim must still be sent.
  chain.now = startSeconds + 500;
  chain.transact = async () => {
    throw Object.assign(new Error('no'), { code: 'transaction-stuck' });
  };
  await collector.round();
  expect((await payee.state(channelIdOf(job))).isDelivered).toBe(true);
  await expect(promise(900_000n)).rejects.toMatchObject({ code: 'closing' });
});

test('a mined claim is applied without reading the chain again', async () => {
  const { chain, payee, collector, promise } = await collecting();
  await promise(9_000_000n);
  chain.transact = async () => ({
    hash: `0x${'22'.repeat(32)}`,
    blockNumber: 101n,
    gasUsed: 1n,
    events: [{ type: 'claimed', channelId: id, claimed: 9_000_000n, treasuryPart: 0n }],
  });
  expect(await collector.round()).toHaveLength(1);
  expect((await payee.state(id)).claimed).toBe(9_000_000n);
  expect(await collector.round()).toEqual([]);
});

test('rereads channels with unclaimed amounts periodically even without logs', async () => {
  const { chain, payee, collector, promise } = await collecting();
  await promise(500_000n);
  await collector.round();
  chain.states.set(id, { balance: 10_000_000n, claimed: 0n, withdrawableAt: chain.now + 86_400 });
  for (let round = 1; round < 10; round++) await collector.round();
  expect((await payee.state(id)).phase).toBe('open');
  expect(await collector.round()).toHaveLength(1);
});

test('what the chain forgot is claimed again: a claim, and a channel once its deposit is back', async () => {
  const { chain, collector, promise } = await collecting();
  await promise(5_000_000n);
  const goBack = (letter: string) => {
    chain.head = async () => ({ number: 90n, hash: `0x${letter.repeat(64)}`, timestamp: chain.now });
    chain.blockHash = async () => `0x${letter.repeat(64)}`;
  };
  const claims = () => chain.sent.filter(({ data }) => data.startsWith(claimSelector)).length;
  await collector.round();
  expect(claims()).toBe(1);
  chain.states.set(id, { balance: 10_000_000n, claimed: 5_000_000n, withdrawableAt: 0 });
  goBack('5');
  await collector.round();
  expect(claims()).toBe(1);
  chain.states.delete(id);
  goBack('6');
  await collector.round();
  expect(claims()).toBe(1);
  chain.states.set(id, { balance: 6_000_000n, claimed: 0n, withdrawableAt: 0 });
  goBack('7');
  await collector.round();
  expect(claims()).toBe(2);
});

test('a round that is asked for comes within seconds, and not at once after another', async () => {
  const { chain, clock, collector, promise } = await collecting();
  const claims = () => chain.sent.filter(({ data }) => data.startsWith(claimSelector)).length;
  collector.soon();
  await collector.start();
  await clock.advance(1_000);
  await promise(claimPolicyDefault.perPayerMax);
  collector.soon();
  collector.soon();
  await clock.advance(3_999);
  expect(claims()).toBe(0);
  await clock.advance(1);
  expect(claims()).toBe(1);
  await clock.advance(10_000);
  expect(claims()).toBe(1);
  collector.soon();
  await clock.advance(0);
  expect(claims()).toBe(2);
  await collector.stop();
  collector.soon();
  await clock.advance(120_000);
  expect(claims()).toBe(2);
});

test('a channel admitted while logs are being read is not missed', async () => {
  const { chain, payee, collector } = await collecting();
  await collector.round();
  const other = testTerms(7);
  const otherId = channelIdOf(other);
  chain.states.set(otherId, { balance: 1_000n, claimed: 0n, withdrawableAt: 0 });
  chain.head = async () => ({ number: 101n, hash: `0x${'44'.repeat(32)}`, timestamp: chain.now });
  chain.events = async () => {
    await payee.admit(other);
    chain.states.set(otherId, { balance: 1_000n, claimed: 0n, withdrawableAt: chain.now + 5 });
    return [{ type: 'withdrawal-announced', channelId: otherId, withdrawableAt: chain.now + 5 }];
  };
  await collector.round();
  expect((await payee.state(otherId)).phase).toBe('withdrawing');
});

test('has paid out what is credited once that is worth its gas, also what others have claimed', async () => {
  const { chain, collector, warnings } = await collecting();
  let owed = 1_000n;
  chain.owed = async () => owed;
  await collector.round();
  expect(chain.sent).toHaveLength(0);
  owed = 50_000_000n;
  // Read in the first round, after claims, and every tenth.
  for (let round = 1; round < 10; round++) await collector.round();
  expect(chain.sent).toHaveLength(0);
  await collector.round();
  expect(chain.sent.map(({ data }) => data.slice(0, 10))).toEqual([settleSelector]);
  chain.transact = async () => {
    throw Object.assign(new Error('no'), { code: 'token-refused' });
  };
  for (let round = 0; round < 10; round++) await collector.round();
  expect(warnings).toEqual([{ event: 'settle-failed', code: 'token-refused' }]);
});

test('settles in the round in which it has claimed', async () => {
  const { chain, collector, promise } = await collecting();
  await promise(9_000_000n);
  await collector.round();
  await promise(9_900_000n);
  chain.owed = async () => 50_000_000n;
  chain.sent.length = 0;
  await collector.round();
  expect(chain.sent.map(({ data }) => data.slice(0, 10))).toEqual([claimSelector, settleSelector]);
});

test('goes round by itself until it is stopped, also while the chain is silent', async () => {
  const { chain, collector, clock, warnings } = await collecting();
  let reads = 0;
  const { head } = chain;
  chain.head = async () => (reads++, head());
  await collector.start();
  await collector.start();
  await clock.advance(0);
  const perRound = reads;
  expect(perRound).toBeGreaterThan(0);
  await clock.advance(60_000);
  expect(reads).toBe(2 * perRound);
  chain.answers = false;
  await clock.advance(60_000);
  expect(warnings).toEqual([{ event: 'collector-round-failed', code: 'chain-unavailable' }]);
  await collector.stop();
  const last = reads;
  await clock.advance(600_000);
  expect(reads).toBe(last);
});
