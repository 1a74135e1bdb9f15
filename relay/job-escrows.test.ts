import { decodeFunctionData } from 'viem';
import { expect, test } from 'vitest';
import { silentLogger } from '#lib/base/logger.ts';
import { createChainTime } from '#lib/pay/chain-time.ts';
import {
  bankingChain,
  keyOf,
  parties,
  sessionKey,
  startSeconds,
  testClock,
  testStorage,
  walletOf,
  type BankingChain,
  type TestStorage,
} from '#lib/pay/pay.fixture.ts';
import { createPayer } from '#lib/pay/payer.ts';
import { offerKeyOf } from '#lib/pay/registry.ts';
import { closedSentinel, type Chain } from '#lib/pay/spec.ts';
import { asSent } from '#lib/pay/terms.ts';
import { createVoucherStore } from '#lib/pay/voucher-store.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import { channelsAbi } from '#contracts/channels.ts';
import { createJobEscrows } from './job-escrows.ts';

const { peer } = createSigner(new Uint8Array(32).fill(7));
const { provider, providerSigner } = asSent({ ...parties, delay: 0, deadline: 1, salt: '0x' });
const payer = parties.payer.toLowerCase();
const deadline = startSeconds + 3_600;
/** Three units of a thousand tokens, at 2,500 units of the token each. */
const order = {
  payer,
  job: 'j',
  kind: 'llm',
  model: 'm',
  peer,
  provider,
  providerSigner,
  units: 3,
  price: 250_000n,
  deadline,
};
const payout = { chain: 31_337, provider, providerSigner, delay: 86_400, depositMin: '1' };

/** A chain on which the provider has a bond, and jobs come back after their deadlines. */
function bondedChain(bonded = 10n ** 9n): BankingChain {
  const chain = bankingChain();
  const { stake, transact } = chain;
  chain.stake = async (...given) => ({
    ...(await stake(...given)),
    bonded,
    isListed: bonded > 0n,
    offerKey: offerKeyOf(peer),
  });
  chain.transact = async (...given: Parameters<Chain['transact']>) => {
    const mined = await transact(...given);
    if (decodeFunctionData({ abi: channelsAbi, data: given[1].data }).functionName !== 'refund') return mined;
    for (const [id, { balance }] of chain.states) {
      chain.states.set(id, { balance: 0n, claimed: 0n, withdrawableAt: closedSentinel });
      const closed = {
        type: 'closed',
        channelId: id,
        closing: 'job-refunded',
        claimed: 0n,
        returned: balance,
      } as const;
      return { ...mined, events: [closed] };
    }
    return mined;
  };
  return chain;
}

async function desk({
  chain = bondedChain(),
  storage = createMemoryStorage() as KeyValue,
  clock = testClock(),
  key = sessionKey({ expiresAt: startSeconds + 90 * 86_400 }),
  isKeyThere = false,
} = {}) {
  if (!isKeyThere)
    await storage.put('pay', `session/${key.address}`, { ...key, limit: key.limit.toString(), spent: '0' });
  const time = createChainTime(chain, clock);
  const paying = await createPayer({ store: createVoucherStore(storage), clock, chain, time, key });
  const parts = { chain, time, storage, clock, logger: silentLogger };
  const escrows = await createJobEscrows({ ...parts, payer: paying, wallet: walletOf(9), creditsPerUnit: 100n });
  const fund = async (job = 'j', balance = 7_500n) => {
    const { channel } = (await escrows.find({ payer, job }))!;
    chain.states.set(channel.id, { balance, claimed: 0n, withdrawableAt: 0 });
    return channel;
  };
  const pass = async (seconds: number) => {
    chain.now += seconds;
    await clock.advance(seconds * 1_000);
  };
  return { escrows, chain, storage, clock, fund, pass, paying };
}

test('an escrow is a channel of one job: opened by its payer, paid out of by the chunk, over when it has been delivered', async () => {
  const { escrows, fund, chain } = await desk();
  const drawn = await escrows.open(order);
  expect(drawn).toMatchObject({
    state: 'unfunded',
    spent: 0n,
    channel: { chain: 31_337, amount: 7_500n, terms: { payer, provider, delay: 0, deadline } },
  });
  await expect(escrows.begin({ payer, job: 'j', model: 'm' }, ['x'])).rejects.toMatchObject({
    code: 'escrow-unfunded',
  });
  const { id } = await fund();
  const job = await escrows.begin({ payer, job: 'j', model: 'm' }, ['x', 'y']);
  expect(job).toMatchObject({ peer, budget: 7_500n, priceMax: 2_500_000n });
  expect([escrows.pays('x'), escrows.pays('z')]).toEqual([true, false]);
  const payment = await escrows.purse.open(payout, { id: 'y', peer, budget: 7_500n, tier: 'open' });
  expect((await payment.promise(40n)).channelId).toBe(id);
  expect(await escrows.find(order)).toMatchObject({ state: 'open', spent: 4_000n });
  payment.end();
  job.end();
  expect(escrows.pays('x')).toBe(false);
  expect(await escrows.find(order)).toMatchObject({ state: 'delivered', spent: 4_000n });
  await expect(escrows.begin({ payer, job: 'j', model: 'm' }, ['x'])).rejects.toMatchObject({ code: 'escrow-closed' });
  chain.states.set(id, { balance: 40n, claimed: 40n, withdrawableAt: closedSentinel });
  expect(await escrows.find(order)).toMatchObject({ state: 'released', spent: 4_000n });
});

test('the same again changes nothing, also after a restart and with other words', async () => {
  const first = await desk();
  const { channel } = await first.escrows.open(order);
  expect((await first.escrows.open({ ...order, units: 9 })).channel).toEqual(channel);
  const second = await desk({ storage: first.storage });
  expect((await second.escrows.open(order)).channel).toEqual(channel);
});

test('a relay that was killed knows what it has promised, and pays for no second job', async () => {
  const first = await desk();
  await first.escrows.open(order);
  await first.fund();
  await first.escrows.begin({ payer, job: 'j', model: 'm' }, ['x']);
  const again = await desk(first);
  // It was killed before anything was promised: the job may be asked for again.
  const begun = await again.escrows.begin({ payer, job: 'j', model: 'm' }, ['y']);
  const payment = await again.escrows.purse.open(payout, { id: 'y', peer, budget: begun.budget, tier: 'open' });
  await payment.promise(10n);
  const last = await desk(first);
  expect(await last.escrows.find(order)).toMatchObject({ state: 'delivered', spent: 1_000n });
  await expect(last.escrows.begin({ payer, job: 'j', model: 'm' }, ['z'])).rejects.toMatchObject({
    code: 'escrow-closed',
  });
});

test('killed at any write, it pays for one job, once, out of one channel', async () => {
  const key = sessionKey({ expiresAt: startSeconds + 90 * 86_400 });
  const session = [[`session/${key.address}`, { ...key, limit: key.limit.toString(), spent: '0' }]] as const;
  const chain = bondedChain();
  /** As far as it gets; the same again goes on where it was. */
  const walk = async (storage: TestStorage) => {
    const { escrows, fund } = await desk({ chain, storage: storage as unknown as KeyValue, isKeyThere: true });
    if ((await escrows.open(order)).state === 'unfunded') await fund();
    if ((await escrows.find(order))?.state !== 'open') return escrows.find(order);
    const job = await escrows.begin({ payer, job: 'j', model: 'm' }, ['x']);
    const payment = await escrows.purse.open(payout, { id: 'x', peer, budget: job.budget, tier: 'open' });
    await payment.promise(40n);
    payment.end();
    job.end();
    return escrows.find(order);
  };
  const whole = testStorage(new Map(session));
  const { channel } = (await walk(whole))!;
  expect(whole.writes()).toBeGreaterThan(3);
  for (let atWrite = 1; atWrite <= whole.writes(); atWrite++) {
    for (const when of ['before', 'after'] as const) {
      chain.states.clear();
      const values = new Map<string, unknown>(session);
      await walk(testStorage(values, { atWrite, when, for: 'ever' })).catch(() => undefined);
      const again = await walk(testStorage(values));
      expect(again, `${when} write ${atWrite}`).toMatchObject({ state: 'delivered', spent: 4_000n, channel });
      expect(chain.states.size).toBe(1);
    }
  }
});

test('one job at a time, for the model that was named', async () => {
  const { escrows, fund } = await desk();
  await escrows.open(order);
  await fund();
  await expect(escrows.begin({ payer, job: 'j', model: 'n' }, ['x'])).rejects.toMatchObject({ code: 'bad-request' });
  await expect(escrows.begin({ payer, job: 'other', model: 'm' }, ['x'])).rejects.toMatchObject({
    code: 'escrow-unknown',
  });
  const two = await Promise.allSettled([1, 2].map((n) => escrows.begin({ payer, job: 'j', model: 'm' }, [`x${n}`])));
  expect(two.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
  expect(escrows.pays('x2')).toBe(false);
  const paying = escrows.purse.open(payout, { id: 'x2', peer, budget: 1n, tier: 'open' });
  await expect(paying).rejects.toMatchObject({ code: 'escrow-closed' });
});

test.each([
  ['a provider without a bond', 0n, 'provider-unlisted'],
  ['a bond below 200 times the escrow', 200n * 7_500n - 1n, 'bond-too-small'],
])('%s holds nobody’s money', async (_, bonded, code) => {
  const { escrows } = await desk({ chain: bondedChain(bonded) });
  await expect(escrows.open(order)).rejects.toMatchObject({ code });
  expect(await escrows.find(order)).toBeUndefined();
});

test('a bond that was taken back since pays for no answer', async () => {
  const { escrows, fund, chain } = await desk();
  await escrows.open(order);
  await fund();
  chain.stake = bondedChain(0n).stake;
  await expect(escrows.begin({ payer, job: 'j', model: 'm' }, ['x'])).rejects.toMatchObject({
    code: 'provider-unlisted',
  });
});

test('too near a deadline, or with another key, nothing is begun', async () => {
  const { escrows, fund, pass, ...rest } = await desk();
  await expect(escrows.open({ ...order, deadline: startSeconds + 60 })).rejects.toMatchObject({ code: 'bad-request' });
  await escrows.open(order);
  await fund();
  const key = {
    ...sessionKey({ expiresAt: startSeconds + 9_000_000 }),
    privateKey: keyOf(8),
    address: walletOf(8).address,
  };
  const renewed = await desk({ ...rest, key });
  await expect(renewed.escrows.begin({ payer, job: 'j', model: 'm' }, ['x'])).rejects.toMatchObject({
    code: 'escrow-closed',
  });
  await pass(3_500);
  await expect(escrows.begin({ payer, job: 'j', model: 'm' }, ['x'])).rejects.toMatchObject({ code: 'escrow-closed' });
});

test('it comes back after the deadline: asked for, or by itself, once', async () => {
  const { escrows, fund, pass, chain, ...rest } = await desk();
  await escrows.open(order);
  await fund();
  await expect(escrows.refund(order)).rejects.toMatchObject({ code: 'escrow-not-due' });
  await pass(3_601);
  expect(await escrows.refund(order)).toMatchObject({ state: 'refunded', spent: 0n });
  const sent = chain.sent.length;
  expect(await escrows.refund(order)).toMatchObject({ state: 'refunded' });
  expect(chain.sent).toHaveLength(sent);
  const { escrows: later } = await desk({ ...rest, chain });
  expect(await later.find(order)).toMatchObject({ state: 'refunded' });
});

test('what nobody pays in for is forgotten within two hours, and drawn up again with the same words', async () => {
  const { escrows, fund, pass, chain, storage } = await desk();
  const later = { ...order, deadline: startSeconds + 20 * 86_400 };
  const { channel } = await escrows.open(later);
  await escrows.open({ ...later, job: 'paid' });
  await fund('paid');
  escrows.start();
  await pass(3_601);
  await pass(600);
  await expect.poll(() => escrows.find(order)).toBeUndefined();
  expect(await storage.list('pay', { prefix: 'job-escrow/', limit: 9 })).toHaveLength(1);
  expect((await escrows.open(later)).channel).toEqual(channel);
  expect(await escrows.find({ payer, job: 'paid' })).toMatchObject({ state: 'open' });
  expect(chain.sent).toEqual([]);
  await escrows.stop();
});

test('rounds give back what nobody asks for, and forget it after a month', async () => {
  const { escrows, fund, pass, chain } = await desk();
  await escrows.open(order);
  await fund();
  escrows.start();
  await pass(3_601);
  await pass(600);
  await expect.poll(async () => (await escrows.find(order))?.state).toBe('refunded');
  expect(chain.sent).toHaveLength(1);
  await pass(31 * 86_400);
  await expect.poll(() => escrows.find(order)).toBeUndefined();
  await escrows.stop();
});

test('a wallet has a hundred at once', async () => {
  const { escrows } = await desk();
  for (let n = 0; n < 100; n++) await escrows.open({ ...order, job: `j${n}` });
  await expect(escrows.open(order)).rejects.toMatchObject({ code: 'too-many-escrows' });
  expect((await escrows.open({ ...order, payer: parties.provider.toLowerCase() })).state).toBe('unfunded');
});
