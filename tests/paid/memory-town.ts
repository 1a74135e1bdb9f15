import { silentLogger } from '#lib/base/logger.ts';
import { seededRandom, type Random } from '#lib/base/random.ts';
import { keyOf, walletOf } from '#lib/pay/pay.fixture.ts';
import type { LocalWallet } from '#lib/pay/spec.ts';
import {
  chat,
  createWorld,
  follow,
  paidPrice,
  type Asker,
  type Followed,
  type Worker,
} from '#lib/peer/peer.fixture.ts';
import { createChannelCloser } from '#lib/peer/serve/close-channels.ts';
import type { JobState } from '#lib/peer/session/job-state.ts';
import type { AskRequest } from '#lib/peer/spec.ts';
import type { Price } from '#lib/protocol/price.ts';
import { createMemoryChain } from './memory-chain.ts';
import { hubPrice, openHub } from './memory-hub.ts';
import { funds, mortal, openEarning, openSpending, type Ground, type Paying, type Process } from './memory-process.ts';

const askersCount = 2;
const workersCount = 3;
/** Of the jobs, those that are asked of the hub. */
const hubShare = 0.4;

interface AskerLife {
  readonly asker: Asker;
  readonly paying: Paying;
  readonly jobs: Set<Followed>;
}

interface EarnerLife {
  readonly worker: Worker;
  readonly round: () => Promise<unknown>;
  readonly promised: () => bigint;
}

export interface Earner<Life extends EarnerLife = EarnerLife> extends Process<Life> {
  readonly price: Price;
  /** Tokens made in the lives that are over. */
  made: number;
}

/** Sells what the workers serve, and pays them from an account of its own. */
export interface Hub extends Earner<EarnerLife & { readonly paying: Paying }> {
  readonly spender: LocalWallet;
  /** The jobs that it asked workers for, in all its lives. */
  readonly passed: { state: JobState }[];
}

interface Played {
  readonly job: Followed;
  /** Its asker was killed before it was over. */
  wasKilled: boolean;
}

const fresh = (number: number): Process<never> => ({ wallet: walletOf(number), values: new Map(), life: undefined });
const signerOf = (number: number) => ({ ...walletOf(number), key: keyOf(number) });
const pick = (random: Random, count: number) => Math.floor(random.float() * count);

/** Two askers, three workers and a hub in memory, on one clock and one chain; each can be killed, and started again on what it stored. */
export async function createMemoryTown(seed: number) {
  const random = seededRandom(seed);
  const world = createWorld(seed);
  const chain = createMemoryChain(world.clock, random);
  const ground: Ground = { world, chain, random };
  const { clock, network } = world;
  const askers: Process<AskerLife>[] = Array.from({ length: askersCount }, (_, n) => fresh(100 + n));
  const workers: Earner[] = Array.from({ length: workersCount }, (_, n) => ({
    ...fresh(200 + n),
    price: paidPrice,
    made: 0,
  }));
  const hub: Hub = { ...fresh(400), price: hubPrice, made: 0, spender: walletOf(401), passed: [] };
  const played: Played[] = [];
  for (const { address } of [...askers.map(({ wallet }) => wallet), hub.spender]) chain.fund(address, funds);

  const startAsker = async (index: number) => {
    const { wallet, values } = askers[index]!;
    const { storage, die } = mortal(values);
    const { purse, paying } = await openSpending(ground, { storage, wallet, signer: signerOf(300 + index) });
    const asker = await world.asker(40 + index, { purse });
    askers[index]!.life = { asker, paying: paying(asker.net), jobs: new Set(), die };
  };
  const startWorker = async (index: number) => {
    const process = workers[index]!;
    const { storage, die } = mortal(process.values);
    const { till, ...earning } = await openEarning(ground, { storage, wallet: process.wallet });
    const worker = await world.worker(1 + index, {
      answerTokens: 100 + 60 * index,
      price: process.price,
      slots: 2,
      provider: { till },
    });
    await createChannelCloser({ net: worker.net, till, clock, logger: silentLogger }).start();
    process.life = { worker, ...earning, die: () => (die(), earning.stop()) };
  };
  const startHub = async () => {
    const { storage, die } = mortal(hub.values);
    const { till, ...earning } = await openEarning(ground, { storage, wallet: hub.wallet });
    const { purse, paying } = await openSpending(ground, { storage, wallet: hub.spender, signer: signerOf(402) });
    const opened = await openHub(ground, {
      till,
      purse,
      passed: hub.passed,
      workers: () => workers.flatMap(({ life }) => (life ? [life.worker.net.self] : [])),
    });
    const { worker, net, stop } = opened;
    hub.life = {
      worker,
      ...earning,
      paying: paying(net),
      die() {
        die();
        earning.stop();
        stop();
        network.kill(net.self);
      },
    };
  };
  const killEarner = (process: Earner) => {
    const { life } = process;
    if (!life) return;
    life.die();
    process.made += life.worker.provider.state.tokensOut;
    network.kill(life.worker.net.self);
    process.life = undefined;
  };
  for (let index = 0; index < workersCount; index++) await startWorker(index);
  for (let index = 0; index < askersCount; index++) await startAsker(index);
  await startHub();
  const peers = workers.map(({ life }) => life!.worker.net.self);
  const hubPeer = hub.life!.worker.net.self;

  return {
    ...world,
    chain,
    random,
    askers,
    workers,
    hub,
    played,
    startAsker,
    startWorker,
    startHub,
    killAsker(index: number) {
      const { life } = askers[index]!;
      if (!life) return;
      for (const one of played) if (life.jobs.has(one.job) && !one.job.over) one.wasKilled = true;
      life.die();
      network.kill(life.asker.net.self);
      for (const job of life.jobs) job.cancel();
      askers[index]!.life = undefined;
    },
    killWorker: (index: number) => killEarner(workers[index]!),
    killHub: () => killEarner(hub),
    ask(index: number) {
      const { life } = askers[index]!;
      const params = { maxTokens: 60 + pick(random, 240), temperature: 0 };
      const only = random.float() < hubShare ? [hubPeer] : peers;
      const request = { ...chat(`question ${played.length}`), params, only, budget: '2000', deadlineMs: 60_000 };
      const job = follow(life!.asker.consumer, request as AskRequest);
      life!.jobs.add(job);
      played.push({ job, wasKilled: false });
    },
  };
}
