import type { Transaction } from 'kysely';
import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { LedgerDatabase, Tables, TransferRow } from './database.ts';
import { accounts, dayOf, idOf, jobSteps } from './ledger.ts';
import { ofCanaries } from './levy.ts';
import { monthOf } from './plan.ts';
import { spendId } from './spends.ts';

/**
 * Keeps the books small. Of jobs that ended on a day that is long over, the transfers become one opening transfer for each
 * account and day, and what is told of them job by job goes; sums by hour stay. No balance changes. What keys have used on days
 * and in months that are over goes too.
 */
export interface Upkeep {
  /** From now on, once an hour. */
  start(): void;
  /** Resolves when nothing is being written any more. */
  stop(): Promise<void>;
}

export interface UpkeepInit {
  readonly db: LedgerDatabase;
  /** Days of UTC before today of which every job is kept. */
  readonly days: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How many jobs a batch has folded. */
  readonly onFolded?: ((jobs: number) => void) | undefined;
}

const firstMs = 60_000;
const everyMs = 3_600_000;
/** Between two batches, for the answers that wait meanwhile. */
const pauseMs = 100;
/** About two milliseconds of work: a file is written by the thread that answers requests. */
const batchMax = 16;
const dayMs = 86_400_000;

export function createUpkeep({ db, days, clock, logger, onFolded }: UpkeepInit): Upkeep {
  const stopping = new AbortController();
  const { signal } = stopping;
  let running: Promise<void> | undefined;

  const foldAll = async () => {
    while (!signal.aborted && (await forgetCounts(db, clock.now()))) await clock.delay(pauseMs, { signal });
    const canaries = () => foldCanaries(db, { before: cutoffOf(clock.now(), days), most: batchMax });
    while (!signal.aborted && (await canaries()) === batchMax) await clock.delay(pauseMs, { signal });
    let jobs = 0;
    for (let folded = batchMax; folded === batchMax && !signal.aborted;) {
      folded = await foldJobs(db, { before: cutoffOf(clock.now(), days), most: batchMax });
      jobs += folded;
      onFolded?.(folded);
      await clock.delay(pauseMs, { signal });
    }
    if (jobs > 0) logger.info('ledger-folded', { jobs });
  };
  const run = async () => {
    for (let delayMs = firstMs; ; delayMs = everyMs) {
      await clock.delay(delayMs, { signal });
      try {
        await foldAll();
      } catch (error) {
        // The next time; until then the books are larger, and as right as before.
        if (!signal.aborted) logger.warn('ledger-not-folded', { error });
      }
    }
  };

  return {
    start: () => void (running ??= run().catch(() => undefined)),
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

/** The beginning of the first day that is kept whole. */
export const cutoffOf = (now: number, days: number): number => now - (now % dayMs) - days * dayMs;

/**
 * Folds a batch of jobs that ended before the time, the oldest first, in one transaction. Whoever deletes a job's run folds the
 * job: another gateway that is at it finds nothing left. Returns how many.
 * @throws `ledger-unbalanced`, and nothing is changed, where the books of a job do not come out even.
 */
export function foldJobs(
  db: LedgerDatabase,
  { before, most }: { readonly before: number; readonly most: number },
): Promise<number> {
  return db.transaction().execute(async (write) => {
    const oldest = write
      .selectFrom('runs')
      .select('job')
      .where('at', '<', BigInt(before))
      .orderBy('at')
      .orderBy('job')
      .limit(most);
    const runs = await write.deleteFrom('runs').where('job', 'in', oldest).returning(['job', 'at']).execute();
    if (runs.length === 0) return 0;
    const ids = runs.flatMap(({ job }) => [
      ...jobSteps.map((step) => idOf(job, step)),
      ...Array.from({ length: limits.jobAttemptsMax }, (_, number) => spendId(job, number)),
    ]);
    const transfers = await write.deleteFrom('transfers').where('id', 'in', ids).returningAll().execute();
    const ofJob = Map.groupBy(transfers, ({ job }) => job);
    const openings = new Map<string, TransferRow>();
    for (const { job, at } of runs) {
      const day = dayOf(Number(at));
      const all = ofJob.get(job) ?? [];
      const { account, units } = sumOf(
        job,
        all.filter(({ type }) => !isBeside(type)),
      );
      const add = (name: string, movement: Movement) => addOpening(openings, day, name, movement);
      add(account, { debit: account, credit: accounts.work, units });
      for (const { type, debit, credit, units: spent } of all) {
        if (isBeside(type)) add(credit, { debit, credit, units: spent });
      }
    }
    await writeOpenings(write, openings);
    return runs.length;
  });
}

/** The same of what canaries were paid with: they are told of nowhere, and have no run. Returns how many payments. */
export function foldCanaries(
  db: LedgerDatabase,
  { before, most }: { readonly before: number; readonly most: number },
): Promise<number> {
  return db.transaction().execute(async (write) => {
    const oldest = write
      .selectFrom('transfers')
      .select('id')
      .where(ofCanaries)
      .where('at', '<', BigInt(before))
      .orderBy('at')
      .orderBy('id')
      .limit(most);
    const spends = await write.deleteFrom('transfers').where('id', 'in', oldest).returningAll().execute();
    if (spends.length === 0) return 0;
    const openings = new Map<string, TransferRow>();
    for (const { at, debit, credit, units } of spends)
      addOpening(openings, dayOf(Number(at)), `${debit} ${credit}`, { debit, credit, units });
    await writeOpenings(write, openings);
    return spends.length;
  });
}

type Movement = Pick<TransferRow, 'debit' | 'credit' | 'units'>;

/** Moved beside what a job held. */
const isBeside = (type: TransferRow['type']): boolean => type === 'spend' || type === 'levy';

function addOpening(openings: Map<string, TransferRow>, day: string, name: string, movement: Movement): void {
  const id = `opening/${day}/${name}`;
  const sum = movement.units + (openings.get(id)?.units ?? 0n);
  const row = { id, job: `opening/${day}`, type: 'opening', at: BigInt(Date.parse(day)) } as const;
  openings.set(id, { ...row, ...movement, units: sum });
}

async function writeOpenings(write: Transaction<Tables>, openings: ReadonlyMap<string, TransferRow>): Promise<void> {
  // In an order, so that two that fold the same days do not wait for each other.
  const rows = [...openings.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1));
  await write
    .insertInto('transfers')
    .values(rows)
    .onConflict((conflict) =>
      conflict.column('id').doUpdateSet(({ eb, ref }) => ({
        units: eb(ref('transfers.units'), '+', ref('excluded.units')),
      })),
    )
    .execute();
}

/** Nobody asks for the counts of days and months that are over; a job that ran past midnight still closes its own. */
const countedDays = 7;

/** Deletes what keys have used in the oldest day and month of which nobody asks any more. Whether there was anything. */
export async function forgetCounts(db: LedgerDatabase, now: number): Promise<boolean> {
  const day = dayOf(now - countedDays * dayMs);
  const [days, months] = await Promise.all([
    // `total` sorts after every day.
    db
      .selectFrom('quota')
      .select(({ fn }) => fn.min('period').as('oldest'))
      .where('period', '<', day)
      .executeTakeFirst(),
    db
      .selectFrom('spending')
      .select(({ fn }) => fn.min('month').as('oldest'))
      .where('month', '<', monthOf(Date.parse(day)))
      .executeTakeFirst(),
  ]);
  if (days?.oldest) await db.deleteFrom('quota').where('period', '=', days.oldest).execute();
  if (months?.oldest) await db.deleteFrom('spending').where('month', '=', months.oldest).execute();
  return Boolean(days?.oldest ?? months?.oldest);
}

/** What a job has moved when it is over: from its account to the work, the rest of what was held being back. */
function sumOf(job: string, transfers: readonly TransferRow[]): { readonly account: string; readonly units: bigint } {
  const hold = transfers.find(({ type }) => type === 'hold');
  const closing = transfers.find(({ type }) => type === 'settle' || type === 'release');
  const back = transfers.filter(({ type }) => type !== 'hold').reduce((sum, { units }) => sum + units, 0n);
  if (!hold || !closing || hold.units !== back) {
    const message = `The books of job ${job} do not come out even. "ledger check" shows what differs; nothing was folded.`;
    throw new TabloomError('ledger-unbalanced', message);
  }
  return { account: hold.debit, units: closing.type === 'settle' ? closing.units : 0n };
}
