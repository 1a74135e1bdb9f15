import { loadCurve } from '#lib/pay/curve.ts';
import { delayMin } from '#lib/pay/terms.ts';
import type { Settlement } from '#lib/peer/spec.ts';
import { chargeOf } from '#lib/protocol/charge.ts';
import { openEnvelope } from '#lib/protocol/envelope.ts';
import { limits } from '#lib/protocol/limits.ts';
import { receiptSchema } from '#lib/protocol/receipt.ts';
import { createMemoryTown, type Earner } from './memory-town.ts';
import { complaintsOf, type BalanceSheet } from './sheet.ts';

/** What happened to paid jobs between peers in memory, some through a hub; each was killed now and then, and the chain's node with them. */
export interface JobsReport {
  readonly jobs: number;
  readonly kills: Readonly<Record<Victim, number>>;
  /** Jobs by how they ended: `finished`, the code they failed with, or `killed` with their asker. */
  readonly endings: ReadonlyMap<string, number>;
  readonly sheet: Omit<BalanceSheet, 'received'>;
  /** Attempts that were cut, and what those who were paid and those who paid are out by in all of them. */
  readonly cut: { readonly attempts: number; readonly worker: bigint; readonly asker: bigint };
  /** What the hub was promised, and has promised to workers. */
  readonly hub: { readonly got: bigint; readonly passedOn: bigint };
  readonly complaints: readonly string[];
}

export type Victim = 'asker' | 'worker' | 'hub' | 'chain';

const jobsPerTown = 10;
/** Tokens that a question counts at most. */
const promptMax = 8;
const stepMs = 50;

const most = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const sum = (amounts: readonly bigint[]): bigint => amounts.reduce((total, one) => total + one, 0n);

/** What the receipt says that the job has paid its worker. */
const paidBy = ({ receipt: { receipt } }: Settlement): bigint =>
  BigInt(openEnvelope('receipt', receiptSchema, receipt).record.payment?.total ?? 0);

type Town = Awaited<ReturnType<typeof createMemoryTown>>;

/** Kills whoever it is, now and then, and starts them again. */
async function play(town: Town, jobs: number, kills: Record<Victim, number>): Promise<void> {
  const { clock, random, chain, askers, workers, hub, played } = town;
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
    if (step % 200 === 0) for (const { life } of [...workers, hub]) life?.worker.announce();
    const running = played.filter(({ job, wasKilled }) => !job.over && !wasKilled).length;
    if (played.length < jobs && running < 4 && random.float() < 0.05) {
      const index = pick(askers.length);
      if (askers[index]!.life) town.ask(index);
    }
    if (running > 0 && random.float() < 0.02) {
      const victim = (['asker', 'worker', 'hub', 'chain'] as const)[pick(4)]!;
      kills[victim] += 1;
      if (victim === 'chain') {
        chain.isUp = false;
        // Now and then for longer than what was read about a channel holds.
        later(random.float() < 0.2 ? 600 : 10, () => void (chain.isUp = true));
      } else if (victim === 'asker') {
        const index = pick(askers.length);
        town.killAsker(index);
        later(5, () => town.startAsker(index));
      } else if (victim === 'hub') {
        if (hub.life) later(5, () => town.startHub());
        town.killHub();
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
async function settle({ clock, chain, askers, workers, hub, ...town }: Town): Promise<void> {
  chain.isUp = true;
  const waitFor = async (work: Promise<unknown>) => {
    let isDone = false;
    const done = work.finally(() => (isDone = true));
    for (let step = 0; step < 10_000 && !isDone; step++) await clock.advance(stepMs);
    await done;
  };
  for (const [index, { life }] of workers.entries()) if (!life) await town.startWorker(index);
  for (const [index, { life }] of askers.entries()) if (!life) await town.startAsker(index);
  if (!hub.life) await town.startHub();
  const paying = [...askers.map(({ life }) => life!.paying), hub.life!.paying];
  for (const { leaving } of paying) for await (const left of leaving()) await waitFor(left());
  const earners: readonly Earner[] = [...workers, hub];
  for (const { life } of earners) await waitFor(life!.round());
  chain.skip(2 * delayMin);
  // The new time is read once what is known of it is out of date.
  await clock.advance(6 * 60_000);
  for (const { exit } of paying) await waitFor(exit.round());
  for (const { life } of earners) await waitFor(life!.round());
}

/** What a town comes to: who is out by how much, against what came through. */
async function judge(town: Town, seed: number, report: Gathered): Promise<void> {
  const { chain, askers, workers, hub, played } = town;
  const say = (text: string) => report.complaints.push(`seed ${seed}: ${text}`);
  const earners: readonly Earner[] = [...workers, hub];
  const sheet = chain.sheet(earners.map(({ wallet }) => wallet.address));
  for (const complaint of complaintsOf(sheet)) say(complaint);
  if (sheet.held !== 0n) say(`${sheet.held} are still held`);
  for (const key of ['deposits', 'paid', 'refunded', 'held', 'inContract', 'credited'] as const) {
    report.sheet[key] += sheet[key];
  }
  const payers = [
    ...askers.map(({ wallet, life }) => ({ wallet, paying: life!.paying })),
    { wallet: hub.spender, paying: hub.life!.paying },
  ];
  const attempts = [...played.map(({ job }) => job), ...hub.passed].flatMap(({ state }) => state.attempts);
  for (const { life, wallet, price, made } of earners) {
    const own = attempts.filter(({ worker }) => worker.peer === life!.worker.net.self);
    const tokens = made + life!.worker.provider.state.tokensOut;
    let [promised, claimed] = [0n, 0n];
    for (const payer of payers) {
      for (const { id, terms, units } of await payer.paying.promised()) {
        if (terms.provider !== wallet.address) continue;
        promised += units;
        claimed += (await chain.channel(id)).claimed;
        if (terms.payer !== payer.wallet.address) say('a channel has another payer');
      }
    }
    const settled = own.filter(({ settlement }) => settlement);
    const rest = own.filter(({ settlement }) => !settlement);
    const settledUnits = sum(settled.map(({ settlement }) => paidBy(settlement!)));
    const settledTokens = settled.reduce((total, { settlement }) => total + settlement!.usage.tokensOut, 0);
    // Of the attempts that were cut: what this worker had made and what it got for it, what had arrived and what was promised
    // for it. Whoever goes on with an answer reads what there is of it, and is paid for that before.
    const lost = chargeOf(price, { in: 0, out: tokens - settledTokens }) - (claimed - settledUnits);
    const came = rest.reduce((total, { fromToken, toToken }) => total + toToken - fromToken, 0);
    const read = rest.reduce((total, { fromToken }) => total + fromToken + promptMax, 0);
    const fronted = promised - settledUnits - chargeOf(price, { in: read, out: came });
    const bound = chargeOf(price, { in: 0, out: limits.unpaidTokensMax }) * BigInt(rest.length);
    if (lost > bound) say(`a worker is out by ${lost} in ${rest.length} attempts that were cut`);
    if (fronted > bound) say(`askers are out by ${fronted} in ${rest.length} attempts that were cut`);
    if (claimed > promised) say(`${claimed} were claimed, and ${promised} promised`);
    if (claimed !== life!.promised()) say(`${claimed} were claimed of ${life!.promised()}`);
    report.cut.attempts += rest.length;
    report.cut.worker += most(lost, 0n);
    report.cut.asker += most(fronted, 0n);
  }
  const [got, passedOn] = [hub.life!.promised(), sum((await hub.life!.paying.promised()).map(({ units }) => units))];
  if (passedOn > got) say(`the hub has promised ${passedOn}, and was promised ${got}`);
  report.hub.got += got;
  report.hub.passedOn += passedOn;
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
  readonly hub: { got: bigint; passedOn: bigint };
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
  const kills: Record<Victim, number> = { asker: 0, worker: 0, hub: 0, chain: 0 };
  const report: Gathered = {
    complaints: [],
    endings: new Map(),
    sheet: { deposits: 0n, paid: 0n, refunded: 0n, held: 0n, inContract: 0n, credited: 0n },
    cut: { attempts: 0, worker: 0n, asker: 0n },
    hub: { got: 0n, passedOn: 0n },
  };
  let count = 0;
  for (let number = 0; count < jobs; number++) {
    const townSeed = seed * 100_000 + number;
    const town = await createMemoryTown(townSeed);
    await play(town, Math.min(jobsPerTown, jobs - count), kills);
    await settle(town);
    await judge(town, townSeed, report);
    count += town.played.length;
  }
  return { jobs: count, kills, ...report };
}
