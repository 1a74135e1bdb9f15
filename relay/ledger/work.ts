import type { LedgerDatabase } from './database.ts';

/** What a worker has done on a day of UTC for the gateways that share the database. */
export interface WorkOfDay {
  readonly worker: string;
  /** Its beginning, in milliseconds since the epoch. */
  readonly day: number;
  readonly answers: number;
  readonly tokensIn: number;
  readonly tokensOut: number;
  readonly lastAt: number;
}

/** The sums of several days. */
export type WorkTotal = Omit<WorkOfDay, 'day'>;

/** Of one statement: a database binds so many values at most. */
const rowsMax = 500;

/** Adds to what is there. Given in an order, so that two gateways that add the same rows do not wait for each other. */
export async function addWork(db: LedgerDatabase, days: readonly WorkOfDay[]): Promise<void> {
  const rows = days
    .map(({ worker, day, answers, tokensIn, tokensOut, lastAt }) => ({
      worker,
      day: BigInt(day),
      answers: BigInt(answers),
      tokens_in: BigInt(tokensIn),
      tokens_out: BigInt(tokensOut),
      last_at: BigInt(lastAt),
    }))
    .toSorted((a, b) => (a.worker === b.worker ? Number(a.day - b.day) : a.worker < b.worker ? -1 : 1));
  await db.transaction().execute(async (write) => {
    for (let at = 0; at < rows.length; at += rowsMax) {
      await write
        .insertInto('work')
        .values(rows.slice(at, at + rowsMax))
        .onConflict((conflict) =>
          conflict.columns(['worker', 'day']).doUpdateSet(({ eb, ref }) => ({
            answers: eb(ref('work.answers'), '+', ref('excluded.answers')),
            tokens_in: eb(ref('work.tokens_in'), '+', ref('excluded.tokens_in')),
            tokens_out: eb(ref('work.tokens_out'), '+', ref('excluded.tokens_out')),
            last_at: ref('excluded.last_at'),
          })),
        )
        .execute();
    }
  });
}

/** Those that wrote most since the day that holds the time, in falling order of tokens. */
export async function topWork(
  db: LedgerDatabase,
  { since, limit }: { readonly since: number; readonly limit: number },
): Promise<readonly WorkTotal[]> {
  const rows = await db
    .selectFrom('work')
    .select(({ fn, cast }) => [
      'worker',
      cast<bigint>(fn.sum('answers'), 'bigint').as('answers'),
      cast<bigint>(fn.sum('tokens_in'), 'bigint').as('tokens_in'),
      cast<bigint>(fn.sum('tokens_out'), 'bigint').as('tokens_out'),
      fn.max('last_at').as('last_at'),
    ])
    .where('day', '>=', BigInt(workDay(since)))
    .groupBy('worker')
    .orderBy('tokens_out', 'desc')
    .orderBy('worker')
    .limit(limit)
    .execute();
  return rows.map(({ worker, answers, tokens_in, tokens_out, last_at }) => ({
    worker,
    answers: Number(answers),
    tokensIn: Number(tokens_in),
    tokensOut: Number(tokens_out),
    lastAt: Number(last_at),
  }));
}

/** Deletes days that ended before the time. */
export const forgetWork = async (db: LedgerDatabase, before: number): Promise<void> =>
  void (await db
    .deleteFrom('work')
    .where('day', '<', BigInt(workDay(before)))
    .execute());

const dayMs = 86_400_000;

/** The beginning of the day of UTC that holds the time. */
export const workDay = (at: number): number => at - (at % dayMs);
