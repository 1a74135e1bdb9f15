import { sql, type SqlBool } from 'kysely';
import { writeCredits } from '../credit-amount.ts';
import type { LedgerDatabase } from './database.ts';

/** Of what a job of the verified tier was charged, in millionths: it pays canaries, by which workers of that tier are audited. */
export const levyShare = 20_000n;
const whole = 1_000_000n;

/** What goes to the levy, rounded down: the rest stays with the work, so that nothing is lost or made. */
export const levyOf = (units: bigint): bigint => (units * levyShare) / whole;

/** `subsidy`: below zero by what the operator has paid for canaries himself. */
export const levyAccounts = { levy: 'levy', subsidy: 'subsidy' } as const;

/** In the words of the index `transfers_of_canaries`. */
export const ofCanaries = sql<SqlBool>`type = 'spend' AND debit IN ('levy', 'subsidy')`;

const dayMs = 86_400_000;

/** In micro-credits. */
export interface LevyStanding {
  readonly balance: bigint;
  /** What the operator has paid himself since midnight of UTC, and the most that he pays in a day. */
  readonly subsidised: bigint;
  readonly subsidyMax: bigint;
}

/** Costs two look-ups, however long the books are. @throws what the database does. */
export async function levyStanding(
  db: Pick<LedgerDatabase, 'selectFrom'>,
  { now, subsidyMax }: { readonly now: number; readonly subsidyMax: bigint },
): Promise<LevyStanding> {
  const stored = await db
    .selectFrom('balances')
    .select('units')
    .where('account', '=', levyAccounts.levy)
    .executeTakeFirst();
  const { units } = await db
    .selectFrom('transfers')
    .select(sql<bigint>`CAST(COALESCE(SUM(units), 0) AS BIGINT)`.as('units'))
    .where(ofCanaries)
    .where('at', '>=', BigInt(now - (now % dayMs)))
    .where('debit', '=', levyAccounts.subsidy)
    .executeTakeFirstOrThrow();
  return { balance: stored?.units ?? 0n, subsidised: units, subsidyMax };
}

/** What canaries may still cost today, less what those that run may come to. */
export async function canaryRoom(
  db: Pick<LedgerDatabase, 'selectFrom'>,
  terms: { readonly now: number; readonly subsidyMax: bigint },
): Promise<bigint> {
  const { balance, subsidised, subsidyMax } = await levyStanding(db, terms);
  const { held } = await db
    .selectFrom('open_spends')
    .select(sql<bigint>`CAST(COALESCE(SUM(units), 0) AS BIGINT)`.as('held'))
    .where('canary', '=', 1n)
    .executeTakeFirstOrThrow();
  const left = subsidyMax > subsidised ? subsidyMax - subsidised : 0n;
  const room = balance + left - held;
  return room > 0n ? room : 0n;
}

/** As it is published, in credits. @throws what the database does. */
export async function levyTold(...asked: Parameters<typeof levyStanding>) {
  const { balance, subsidised, subsidyMax } = await levyStanding(...asked);
  return {
    share: Number(levyShare) / Number(whole),
    balance: writeCredits(balance),
    subsidised_today: writeCredits(subsidised),
    subsidy_max: writeCredits(subsidyMax),
  };
}
