import { silentLogger } from '#lib/base/logger.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { seededRandom, type Random } from '#lib/base/random.ts';
import { createChainTime } from '#lib/pay/chain-time.ts';
import { createCollector } from '#lib/pay/collect.ts';
import { loadCurve } from '#lib/pay/curve.ts';
import { createExit } from '#lib/pay/exit.ts';
import { entry, keyOf, testPayee, testPayer, testStorage, walletOf, type TestStorage } from '#lib/pay/pay.fixture.ts';
import { createPurse } from '#lib/pay/purse.ts';
import type { LocalWallet } from '#lib/pay/spec.ts';
import { delayMin } from '#lib/pay/terms.ts';
import { createTill } from '#lib/pay/till.ts';
import { createVoucherSigner } from '#lib/pay/voucher.ts';
import {
  chat,
  createWorld,
  follow,
  paidPrice,
  type Asker,
  type Followed,
  type Worker,
} from '#lib/peer/peer.fixture.ts';
import type { AskRequest, Settlement } from '#lib/peer/spec.ts';
import { chargeOf } from '#lib/protocol/charge.ts';
import { openEnvelope } from '#lib/protocol/envelope.ts';
import { limits } from '#lib/protocol/limits.ts';
import { receiptSchema } from '#lib/protocol/receipt.ts';
import { complaintsOf, type BalanceSheet } from './sheet.ts';
import { createMemoryChain, type MemoryChain } from './memory-chain.ts';

/** What happened to paid jobs between peers in memory, each of which was killed now and then, and the chain's node with them. */
export interface JobsReport {
  readonly jobs: number;
  readonly kills: Readonly<Record<Victim, number>>;
  /** Jobs by how they ended: `finished`, the code they failed with, or `killed` with their asker. */
  readonly endings: ReadonlyMap<string, number>;
  readonly sheet: Omit<BalanceSheet, 'received'>;
  /** Attempts that were cut, and what workers and askers are out by in all of them. */
  readonly cut: { readonly attempts: number; readonly worker: bigint; readonly asker: bigint };
  readonly complaints: readonly string[];
}

export type Victim = 'asker' | 'worker' | 'chain';

const askersCount = 2;
const workersCount = 3;
const jobsPerTown = 10;
/** What a chunk of 64 tokens costs here. */
const chunk = chargeOf(paidPrice, { in: 0, out: limits.unpaidTokensMax });
/** Tokens that a question counts at most. */
const promptMax = 8;
const stepMs = 50;
const funds = 1_000_000n;

/** Storage of a process: what was stored outlives it, and it stores nothing once it has been killed. */
function mortal(values: Map<string, unknown>): { readonly storage: TestStorage; readonly die: () => void } {
  const storage = testStorage(values);
  let isDead = false;
  const check = () => {
    if (isDead) throw new TabloomError('storage-unavailable', 'The process is gone.');
  };
  const { put, update } = storage;
  storage.put = async (...args) => (check(), put(...args));
  storage.update = async (...args) => (check(), update(...args));
  return { storage, die: () => void (isDead = true) };
}

interface Process<Life> {
  readonly wallet: LocalWallet;
  readonly values: Map<string, unknown>;
  life: (Life & { readonly die: () => void }) | undefined;
}

interface AskerLife {
  readonly asker: Asker;
  readonly payer: Awaited<ReturnType<typeof testPayer>>['payer'];
  readonly jobs: Set<Followed>;
}

interface WorkerLife {
  readonly worker: Worker;
  readonly round: () => Promise<unknown>;
  readonly promised: () => bigint;
}

interface Played {
  readonly job: Followed;
  /** Its asker was killed before it was over. */
  wasKilled: boolean;
}

async function createTown(seed: number) {
  const random = seededRandom(seed);
  const world = createWorld(seed);
  const chain = createMemoryChain(world.clock, random);
  const { clock, network } = world;
  const logger = silentLogger;
  const walletAt = (number: number): Process<never> => ({
    wallet: walletOf(number),
    values: new Map(),
    life: undefined,
  });
  const askers: Process<AskerLife>[] = Array.from({ length: askersCount }, (_, n) => walletAt(100 + n));
  const workers: Process<WorkerLife>[] = Array.from({ length: workersCount }, (_, n) => walletAt(200 + n));
  /** Tokens that each worker made, in all its lives. */
  const made = workers.map(() => 0);
  const played: Played[] = [];
  for (const { wallet } of askers) chain.fund(wallet.address, funds);

  const startAsker = async (index: number) => {
    const process = askers[index]!;
    const { storage, die } = mortal(process.values);
    const { wallet } = process;
    const key = { address: walletOf(300 + index).address, privateKey: keyOf(300 + index), limit: funds };
    const { payer } = await testPayer(storage, { clock, chain, ...key });
    const time = createChainTime(chain, clock);
    const purse = createPurse(
      { chains: [{ chain, time, payer, wallet, sender: wallet }], random },
      { perJobMax: 10_000n, perProviderMax: 100_000n, depositsMax: 300_000n, jobsPerDeposit: 3n, sponsorFeeMax: 0n },
    );
    const asker = await world.asker(40 + index, { purse });
    process.life = { asker, payer, jobs: new Set(), die };
  };
  const startWorker = async (index: number) => {
    const process = workers[index]!;
    const { storage, die } = mortal(process.values);
    const { wallet } = process;
    const provider = wallet.address;
    const payee = await testPayee(storage, { clock, chain, provider, providerSigner: provider });
    const address = provider.toLowerCase() as `0x${string}`;
    const payout = { chain: entry.id, provider: address, providerSigner: address, delay: delayMin, depositMin: '500' };
    const till = createTill([{ payee, perPayerMax: 100_000n, payout }]);
    const collector = createCollector(
      { chain, clock, payee, vouchers: createVoucherSigner(entry), wallet, logger },
      {
        policy: { perPayerMax: 100_000n, gasShareBpsMax: 200n, deadlineMarginSeconds: 900 },
        rate: { units: 1n, wei: 1n },
        intervalMs: 5_000,
      },
    );
    const worker = await world.worker(1 + index, {
      answerTokens: 100 + 60 * index,
      price: paidPrice,
      slots: 2,
      provider: { till },
    });
    await collector.start();
    process.life = {
      worker,
      round: () => collector.round(),
      promised: () => payee.views().reduce((sum, { state }) => sum + state.promised, 0n),
      die() {
        die();
        made[index]! += worker.provider.state.tokensOut;
        void collector.stop();
      },
    };
  };
  for (let index = 0; index < workersCount; index++) await startWorker(index);
  for (let index = 0; index < askersCount; index++) await startAsker(index);

  return {
    ...world,
    chain,
    random,
    askers,
    workers,
    made,
    played,
    startAsker,
    startWorker,
    killAsker(index: number) {
      const { life } = askers[index]!;
      if (!life) return;
      for (const one of played) if (life.jobs.has(one.job) && !one.job.over) one.wasKilled = true;
      life.die();
      network.kill(life.asker.net.self);
      for (const job of life.jobs) job.cancel();
      askers[index]!.life = undefined;
    },
    killWorker(index: number) {
      const { life } = workers[index]!;
      if (!life) return;
      life.die();
      network.kill(life.worker.net.self);
      workers[index]!.life = undefined;
    },
    ask(index: number) {
      const { life } = askers[index]!;
      const params = { maxTokens: 60 + Math.floor(random.float() * 240), temperature: 0 };
      const request = { ...chat(`question ${played.length}`), params, budget: '2000', deadlineMs: 60_000 };
      const job = follow(life!.asker.consumer, request as AskRequest);
      life!.jobs.add(job);
      played.push({ job, wasKilled: false });
    },
  };
}

const most = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const sum = (amounts: readonly bigint[]): bigint => amounts.reduce((total, one) => total + one, 0n);

/** What the receipt says that the job has paid its worker. */
const paidBy = ({ receipt: { receipt } }: Settlement): bigint =>
  BigInt(openEnvelope('receipt', receiptSchema, receipt).record.payment?.total ?? 0);

type Town = Awaited<ReturnType<typeof createTown>>;

/** Kills whoever it is, now and then, and starts them again. */
async function play(town: Town, jobs: number, kills: Record<Victim, number>): Promise<void> {
  const { clock, random, chain, askers, workers, played } = town;
  const pick = (count: number) => Math.floor(random.float() * count);
  const due: { readonly at: number; readonly revive: () => Promise<void> | void }[] = [];
  const later = (seconds: number, revive: () => Promise<void> | void) =>
    due.push({ at: clock.now() + 1_000 * random.float() * seconds, revive });
  const isIdle = () => played.every(({ job, wasKilled }) => job.over || wasKilled);
  for (let step = 0; step < 40_000; step++) {
    if (played.length >= jobs && isIdle() && due.length === 0) return;
    for (const one of due.filter(({ at }) => at <= clock.now())) {
      due.splice(due.indexOf(one), 1);
      await one.revive();
    }
    if (step % 200 === 0) for (const { life } of workers) life?.worker.announce();
    const running = played.filter(({ job, wasKilled }) => !job.over && !wasKilled).length;
    if (played.length < jobs && running < 4 && random.float() < 0.05) {
      const index = pick(askers.length);
      if (askers[index]!.life) town.ask(index);
    }
    if (running > 0 && random.float() < 0.02) {
      const victim = (['asker', 'worker', 'chain'] as const)[pick(3)]!;
      kills[victim] += 1;
      if (victim === 'chain') {
        chain.isUp = false;
        // Now and then for longer than what was read about a channel holds.
        later(random.float() < 0.2 ? 600 : 10, () => void (chain.isUp = true));
      } else if (victim === 'asker') {
        const index = pick(askers.length);
        town.killAsker(index);
        later(5, () => town.startAsker(index));
      } else {
        const index = pick(workers.length);
        town.killWorker(index);
        later(5, () => town.startWorker(index));
      }
    }
    // Nothing happens until the node is there again.
    await clock.advance(running === 0 && due.length > 0 ? 1_000 : stepMs);
  }
  throw new Error('the jobs do not end');
}

/** Everybody comes back, claims, leaves and is paid out. */
async function settle({ clock, chain, askers, workers, ...town }: Town): Promise<void> {
  chain.isUp = true;
  const waitFor = async (work: Promise<unknown>) => {
    let isDone = false;
    const done = work.finally(() => (isDone = true));
    for (let step = 0; step < 10_000 && !isDone; step++) await clock.advance(stepMs);
    await done;
  };
  for (const [index, { life }] of workers.entries()) if (!life) await town.startWorker(index);
  for (const [index, { life }] of askers.entries()) if (!life) await town.startAsker(index);
  const exits = askers.map(({ life, wallet }, index) =>
    createExit({
      chain,
      clock,
      time: createChainTime(chain, clock),
      payer: life!.payer,
      signer: walletOf(300 + index),
      sender: wallet,
      logger: silentLogger,
    }),
  );
  for (const [index, exit] of exits.entries()) {
    const { payer } = askers[index]!.life!;
    for (const { id } of payer.list()) {
      if ((await payer.refresh(id)).phase === 'open') await waitFor(exit.leave(id));
    }
  }
  for (const { life } of workers) await waitFor(life!.round());
  chain.skip(2 * delayMin);
  // The new time is read once what is known of it is out of date.
  await clock.advance(6 * 60_000);
  for (const exit of exits) await waitFor(exit.round());
  for (const { life } of workers) await waitFor(life!.round());
}

/** What a town comes to: who is out by how much, against what came through. */
async function judge(town: Town, seed: number, report: Gathered): Promise<void> {
  const { chain, askers, workers, made, played } = town;
  const say = (text: string) => report.complaints.push(`seed ${seed}: ${text}`);
  const sheet = chain.sheet(workers.map(({ wallet }) => wallet.address));
  for (const complaint of complaintsOf(sheet)) say(complaint);
  if (sheet.held !== 0n) say(`${sheet.held} are still held`);
  for (const key of ['deposits', 'paid', 'refunded', 'held', 'inContract', 'credited'] as const) {
    report.sheet[key] += sheet[key];
  }
  const attempts = played.flatMap(({ job }) => job.state.attempts);
  for (const [index, { life, wallet }] of workers.entries()) {
    const { self } = life!.worker.net;
    const own = attempts.filter(({ worker }) => worker.peer === self);
    const tokens = made[index]! + life!.worker.provider.state.tokensOut;
    let [promised, claimed] = [0n, 0n];
    for (const asker of askers) {
      for (const { id, terms } of asker.life!.payer.list().filter(({ terms: of }) => of.provider === wallet.address)) {
        promised += (await asker.life!.payer.state(id)).promised;
        claimed += (await chain.channel(id)).claimed;
        if (terms.payer !== asker.wallet.address) say('a channel has another payer');
      }
    }
    const settled = own.filter(({ settlement }) => settlement);
    const rest = own.filter(({ settlement }) => !settlement);
    const settledUnits = sum(settled.map(({ settlement }) => paidBy(settlement!)));
    const settledTokens = settled.reduce((total, { settlement }) => total + settlement!.usage.tokensOut, 0);
    // Of the attempts that were cut: what this worker had made and what it got for it, what had arrived and what was promised
    // for it. Whoever goes on with an answer reads what there is of it, and is paid for that before.
    const lost = chargeOf(paidPrice, { in: 0, out: tokens - settledTokens }) - (claimed - settledUnits);
    const came = rest.reduce((total, { fromToken, toToken }) => total + toToken - fromToken, 0);
    const read = rest.reduce((total, { fromToken }) => total + fromToken + promptMax, 0);
    const fronted = promised - settledUnits - chargeOf(paidPrice, { in: read, out: came });
    const bound = chunk * BigInt(rest.length);
    if (lost > bound) say(`a worker is out by ${lost} in ${rest.length} attempts that were cut`);
    if (fronted > bound) say(`askers are out by ${fronted} in ${rest.length} attempts that were cut`);
    if (claimed > promised) say(`${claimed} were claimed, and ${promised} promised`);
    if (claimed !== life!.promised()) say(`${claimed} were claimed of ${life!.promised()}`);
    report.cut.attempts += rest.length;
    report.cut.worker += most(lost, 0n);
    report.cut.asker += most(fronted, 0n);
  }
  for (const { job, wasKilled } of played) {
    const { phase, error, attempts: tried } = job.state;
    const ending = wasKilled ? 'killed' : (error?.code ?? phase);
    report.endings.set(ending, (report.endings.get(ending) ?? 0) + 1);
    if (tried.some(({ settlement }) => settlement?.receiptCheck.payment === false))
      say('a receipt charges something else');
    if (tried.length === 0 && phase === 'finished') say('an answer of nobody');
  }
}

interface Gathered {
  readonly complaints: string[];
  readonly endings: Map<string, number>;
  readonly sheet: Record<keyof JobsReport['sheet'], bigint>;
  readonly cut: { attempts: number; worker: bigint; asker: bigint };
}

/** Plays `jobs` paid jobs in towns of ten, each on a clock and a chain of its own. The same seed does the same. */
export async function playJobs({
  jobs,
  seed = 1,
}: {
  readonly jobs: number;
  readonly seed?: number;
}): Promise<JobsReport> {
  await loadCurve();
  const kills: Record<Victim, number> = { asker: 0, worker: 0, chain: 0 };
  const report: Gathered = {
    complaints: [],
    endings: new Map(),
    sheet: { deposits: 0n, paid: 0n, refunded: 0n, held: 0n, inContract: 0n, credited: 0n },
    cut: { attempts: 0, worker: 0n, asker: 0n },
  };
  let count = 0;
  for (let number = 0; count < jobs; number++) {
    const townSeed = seed * 100_000 + number;
    const town = await createTown(townSeed);
    await play(town, Math.min(jobsPerTown, jobs - count), kills);
    await settle(town);
    await judge(town, townSeed, report);
    count += town.played.length;
  }
  return { jobs: count, kills, ...report };
}
