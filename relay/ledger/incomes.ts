import { sql, type SqlBool } from 'kysely';
import type { LedgerDatabase } from './database.ts';
import { accounts } from './ledger.ts';
import { ledgerUnavailable } from './unavailable.ts';

/**
 * What askers promise a hub, in the books of the work that it pays providers for. Vouchers are kept elsewhere and carry totals: so is
 * what is booked of a channel, and whatever a kill left out is made good by the next note of that channel. Amounts are micro-credits.
 */
export interface IncomeBook {
  /**
   * Books what a channel has promised since the last time, to the work.
   * @param promised in the channel in all. @throws `ledger-unavailable`; it may be called again.
   */
  note(account: string, promised: bigint): Promise<void>;
}

/** Below zero by what the channel has promised. */
export const incomeAccount = (chain: number, id: string): string => `income ${chain}/${id}`;

/** In the words of the index `transfers_of_income`: without them every transfer would be read at the end of each job. */
const ofIncome = sql<SqlBool>`type = 'income'`;

export function createIncomeBook(db: LedgerDatabase, { now }: { readonly now: () => number }): IncomeBook {
  return {
    async note(account, promised) {
      await db
        .transaction()
        .execute(async (on) => {
          const { booked } = await on
            .selectFrom('transfers')
            .select(sql<bigint>`CAST(COALESCE(SUM(units), 0) AS BIGINT)`.as('booked'))
            .where(ofIncome)
            .where('debit', '=', account)
            .executeTakeFirstOrThrow();
          const units = promised - booked;
          if (units <= 0n) return;
          const movement = { type: 'income', debit: account, credit: accounts.work, units } as const;
          // The total is in its name: of two that book at once, one finds it there.
          await on
            .insertInto('transfers')
            .values({ id: `${account}/${promised}`, job: account, ...movement, at: BigInt(now()) })
            .onConflict((conflict) => conflict.column('id').doNothing())
            .execute();
        })
        .catch((cause: unknown) => {
          throw ledgerUnavailable(cause);
        });
    },
  };
}

/** What each channel has promised the hub, by the books. */
export async function incomesOf(db: Pick<LedgerDatabase, 'selectFrom'>): Promise<ReadonlyMap<string, bigint>> {
  const rows = await db
    .selectFrom('transfers')
    .select(['debit', sql<bigint>`CAST(SUM(units) AS BIGINT)`.as('units')])
    .where(ofIncome)
    .groupBy('debit')
    .execute();
  return new Map(rows.map(({ debit, units }) => [debit, units]));
}
