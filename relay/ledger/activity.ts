import type { LedgerDatabase } from './database.ts';
import type { Statements } from './statements.ts';
import { change, type Steps } from './transaction.ts';

export interface JobUsage {
  readonly tokensIn: number;
  readonly tokensOut: number;
}

/** What is told of a job: nothing of its prompt, its answer or its caller. */
export interface Run {
  /** As the worker names it, or the caller where there was none. */
  readonly model: string;
  readonly kind: string;
  /** The worker. */
  readonly peer: string | undefined;
  readonly outcome: 'finished' | 'failed' | 'cancelled';
  /** From the request to the end. */
  readonly ms: number;
}

/** A job that has ended. */
export interface EndedRun extends Run, JobUsage {
  readonly job: string;
  readonly at: number;
}

/** What was done with a model in an hour. */
export interface HourOfModel extends JobUsage {
  /** Its beginning. */
  readonly hour: number;
  readonly model: string;
  readonly jobs: number;
  readonly finished: number;
}

/** What the gateways that share the database have done. */
export interface Activity {
  /** The newest first. */
  recent(limit: number): Promise<readonly EndedRun[]>;
  /** Hours from the one that holds `since`, oldest first. */
  hours(since: number): Promise<readonly HourOfModel[]>;
}

const hourMs = 3_600_000;
const rowsMax = 10_000;
const hourOf = (at: number): number => at - (at % hourMs);

/** A job that has ended, for the books. */
interface ClosedRun {
  readonly job: string;
  readonly run: Run;
  readonly used: JobUsage | undefined;
  readonly at: number;
}

/** What jobs of one transaction have added up to, by hour and model, which is written once for all of them. */
export type HourSums = Map<string, HourSum>;

interface HourSum {
  readonly hour: bigint;
  readonly model: string;
  jobs: bigint;
  finished: bigint;
  tokens_in: bigint;
  tokens_out: bigint;
}

/** Writes a run, and adds it to the sums, which {@link addHours} writes. */
export function* addRun(statements: Statements, { job, run, used, at }: ClosedRun, sums: HourSums): Steps<void> {
  const { model, kind, peer, outcome, ms } = run;
  const tokens = { tokens_in: BigInt(used?.tokensIn ?? 0), tokens_out: BigInt(used?.tokensOut ?? 0) };
  const row = { job, at: BigInt(at), model, kind, peer: peer ?? null, outcome, ...tokens, ms: BigInt(Math.round(ms)) };
  yield* change(statements.run(row));
  const hour = BigInt(hourOf(at));
  const key = `${hour} ${model}`;
  const sum = sums.get(key) ?? { hour, model, jobs: 0n, finished: 0n, tokens_in: 0n, tokens_out: 0n };
  sum.jobs += 1n;
  if (outcome === 'finished') sum.finished += 1n;
  sum.tokens_in += tokens.tokens_in;
  sum.tokens_out += tokens.tokens_out;
  sums.set(key, sum);
}

/** In the order of their keys: transactions that lock the same rows in two orders would wait for each other. */
export function* addHours(statements: Statements, sums: HourSums): Steps<void> {
  for (const [, sum] of [...sums].sort(([a], [b]) => (a < b ? -1 : 1))) yield* change(statements.activity({ ...sum }));
}

export const createActivity = (db: LedgerDatabase): Activity => ({
  async recent(limit) {
    const rows = await db.selectFrom('runs').selectAll().orderBy('at', 'desc').orderBy('job').limit(limit).execute();
    return rows.map(({ job, at, model, kind, peer, outcome, tokens_in, tokens_out, ms }) => ({
      job,
      at: Number(at),
      model,
      kind,
      peer: peer ?? undefined,
      outcome,
      tokensIn: Number(tokens_in),
      tokensOut: Number(tokens_out),
      ms: Number(ms),
    }));
  },
  async hours(since) {
    const rows = await db
      .selectFrom('activity')
      .selectAll()
      .where('hour', '>=', BigInt(hourOf(since)))
      .orderBy('hour')
      .orderBy('model')
      .limit(rowsMax)
      .execute();
    return rows.map(({ hour, model, jobs, finished, tokens_in, tokens_out }) => ({
      hour: Number(hour),
      model,
      jobs: Number(jobs),
      finished: Number(finished),
      tokensIn: Number(tokens_in),
      tokensOut: Number(tokens_out),
    }));
  },
});
