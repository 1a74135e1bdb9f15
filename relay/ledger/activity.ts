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

export function* addRun(
  statements: Statements,
  {
    job,
    run,
    used,
    at,
  }: { readonly job: string; readonly run: Run; readonly used: JobUsage | undefined; readonly at: number },
): Steps<void> {
  const { model, kind, peer, outcome, ms } = run;
  const tokens = { tokens_in: BigInt(used?.tokensIn ?? 0), tokens_out: BigInt(used?.tokensOut ?? 0) };
  const row = { job, at: BigInt(at), model, kind, peer: peer ?? null, outcome, ...tokens, ms: BigInt(Math.round(ms)) };
  yield* change(statements.run(row));
  const finished = outcome === 'finished' ? 1n : 0n;
  yield* change(statements.activity({ hour: BigInt(hourOf(at)), model, jobs: 1n, finished, ...tokens }));
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
