import { beforeAll, expect, test } from 'vitest';
import { seededRandom } from '#lib/base/random.ts';
import { loadCurve } from '#lib/pay/curve.ts';
import { keyOf, walletOf } from '#lib/pay/pay.fixture.ts';
import type { PurseLimits } from '#lib/pay/purse.ts';
import { chat, createWorld, follow, paidPrice, until } from '#lib/peer/peer.fixture.ts';
import type { AskRequest } from '#lib/peer/spec.ts';
import { chargeOf } from '#lib/protocol/charge.ts';
import { createMemoryChain } from './memory-chain.ts';
import { hubPrice, openHub } from './memory-hub.ts';
import { complaintsOf } from './sheet.ts';
import { funds, mortal, openEarning, openSpending, type Ground } from './memory-process.ts';

// Loaded by the first signature otherwise, in time that the tests' clock knows nothing of.
beforeAll(async () => void (await loadCurve()));

/** A channel takes 249,000 gas beside its claims, at one wei each: 600 units. */
const rate = { units: 1n, wei: 415n };
const tokens = 100;
const signerOf = (number: number) => ({ ...walletOf(number), key: keyOf(number) });

/** An asker, a hub and a provider that both can ask, each with its own books on one chain. */
async function market(limits: Partial<PurseLimits> = {}) {
  const random = seededRandom(5);
  const world = createWorld(5);
  const { clock } = world;
  const chain = createMemoryChain(clock, random);
  chain.gasPrice = async () => 1n;
  const ground: Ground = { world, chain, random };
  const fresh = () => mortal(new Map()).storage;
  const [payer, spender] = [walletOf(100), walletOf(401)];
  for (const { address } of [payer, spender]) chain.fund(address, funds);

  const selling = await openEarning(ground, { storage: fresh(), wallet: walletOf(200) });
  const provider = await world.worker(1, {
    answerTokens: tokens,
    price: paidPrice,
    slots: 4,
    provider: { till: selling.till },
  });
  const earning = await openEarning(ground, { storage: fresh(), wallet: walletOf(400) });
  const resale = await openSpending(ground, { storage: fresh(), wallet: spender, signer: signerOf(402) });
  const hub = await openHub(ground, {
    till: earning.till,
    purse: resale.purse,
    passed: [],
    workers: () => [provider.net.self],
  });
  const spending = await openSpending(ground, { storage: fresh(), wallet: payer, signer: signerOf(300), rate, limits });
  const asker = await world.asker(40, { purse: spending.purse });
  const { promised } = spending.paying(asker.net);
  let asked = 0;
  return {
    chain,
    clock,
    selling,
    earning,
    hub: hub.worker.net.self,
    provider: provider.net.self,
    resold: async () => (await resale.paying(hub.net).promised()).reduce((sum, { units }) => sum + units, 0n),
    /** What the asker has promised to an account. */
    promisedTo: async (account: { readonly address: string }) => {
      const to = (await promised()).filter(({ terms }) => terms.provider === account.address);
      return to.reduce((sum, { units }) => sum + units, 0n);
    },
    channels: async () => (await promised()).length,
    async ask() {
      const params = { maxTokens: 500, temperature: 0 };
      const request = { ...chat(`question ${++asked}`), params, budget: '2000' };
      provider.announce();
      hub.worker.announce();
      const job = follow(asker.consumer, request as AskRequest);
      await until(clock, () => job.over);
      expect([job.state.phase, job.state.error]).toEqual(['finished', undefined]);
      const [{ worker } = {}] = job.state.attempts.slice(-1);
      return { peer: worker?.peer, cost: BigInt(job.state.cost!.total), usage: job.state.usage! };
    },
    stop: () => {
      selling.stop();
      earning.stop();
    },
  };
}

test('jobs go through the hub until a channel of their own would have paid for itself, and then go direct; exact to the unit', async () => {
  const { ask, hub, provider, promisedTo, resold, selling, earning, channels, chain, stop } = await market();
  const jobs: Awaited<ReturnType<typeof ask>>[] = [];
  for (let n = 0; n < 10; n++) jobs.push(await ask());
  stop();
  const through = jobs.filter(({ peer }) => peer === hub);
  const direct = jobs.filter(({ peer }) => peer === provider);
  expect(jobs.map(({ peer }) => peer)).toEqual([...through, ...direct].map(({ peer }) => peer));

  // The first job for which what those before it would have saved is 600.
  const savedBy = (count: number) => {
    const sum = (one: 'tokensIn' | 'tokensOut') =>
      jobs.slice(0, count).reduce((total, { usage }) => total + usage[one], 0);
    const work = { in: sum('tokensIn'), out: sum('tokensOut') };
    return chargeOf(hubPrice, work) - chargeOf(paidPrice, work);
  };
  expect(savedBy(through.length)).toBeGreaterThanOrEqual(600n);
  expect(savedBy(through.length - 1)).toBeLessThan(600n);
  expect(through.length).toBeGreaterThan(4);
  expect(direct.length).toBeGreaterThan(3);

  const sumOf = (some: typeof jobs) => some.reduce((sum, { cost }) => sum + cost, 0n);
  const [toHub, toProvider] = [await promisedTo(walletOf(400)), await promisedTo(walletOf(200))];
  expect([toHub, toProvider]).toEqual([sumOf(through), sumOf(direct)]);
  expect(await channels()).toBe(2);
  // What both can claim, and what the hub has passed on.
  expect(earning.promised()).toBe(toHub);
  expect(selling.promised()).toBe(toProvider + (await resold()));
  expect(await resold()).toBeLessThan(toHub);
  expect(complaintsOf(chain.sheet([walletOf(200).address, walletOf(400).address]))).toEqual([]);
});

test('where no channel of its own can be opened, the hub is asked on, and no job fails', async () => {
  // Room for one deposit, which the hub has.
  const { ask, hub, promisedTo, stop } = await market({ depositsMax: 7_000n });
  for (let n = 0; n < 8; n++) expect((await ask()).peer).toBe(hub);
  stop();
  expect(await promisedTo(walletOf(200))).toBe(0n);
});
