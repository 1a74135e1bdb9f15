import { sql } from 'kysely';
import type { LedgerDatabase, PurchaseRow } from './database.ts';
import { accounts } from './ledger.ts';
import { createStatements } from './statements.ts';

/** What was paid on a chain, and what became of it in the books. */
export interface CreditBook {
  /** Writes a payment down before it is collected. `isNew` is true for one caller alone, whatever is killed between. */
  begin(purchase: Purchase): Promise<{ readonly isNew: boolean; readonly row: PurchaseRow }>;
  /** Credits a payment that has been collected, once. */
  complete(id: string, hash: string): Promise<void>;
  /** Forgets a payment that cannot be collected any more. */
  drop(id: string): Promise<void>;
  /** Payments of which it is not known whether they were collected, the oldest first. */
  pending(most: number): Promise<readonly PurchaseRow[]>;
  balance(account: string): Promise<CreditBalance>;
}

export interface Purchase {
  readonly id: string;
  readonly account: string;
  /** Micro-credits. */
  readonly units: bigint;
  /** The signed authorization, as JSON. */
  readonly transfer: string;
  readonly since: bigint;
}

/** In micro-credits. */
export interface CreditBalance {
  /** What may be spent. */
  readonly units: bigint;
  /** What running jobs hold; the rest of it comes back. */
  readonly held: bigint;
}

/** All of it @throws what the database does. */
export function createCreditBook(db: LedgerDatabase, { now }: { readonly now: () => number }): CreditBook {
  const statements = createStatements(db);
  return {
    async begin(purchase) {
      const row: PurchaseRow = { ...purchase, state: 'pending', hash: null, at: BigInt(now()) };
      const { numInsertedOrUpdatedRows } = await db
        .insertInto('purchases')
        .values(row)
        .onConflict((conflict) => conflict.column('id').doNothing())
        .executeTakeFirstOrThrow();
      if (numInsertedOrUpdatedRows === 1n) return { isNew: true, row };
      const stored = await db
        .selectFrom('purchases')
        .selectAll()
        .where('id', '=', purchase.id)
        .executeTakeFirstOrThrow();
      return { isNew: false, row: stored };
    },
    complete: (id, hash) =>
      db.transaction().execute(async (write) => {
        const paid = await write
          .updateTable('purchases')
          .set({ state: 'paid', hash })
          .where('id', '=', id)
          .where('state', '=', 'pending')
          .returning(['account', 'units'])
          .executeTakeFirst();
        if (!paid) return;
        const { account, units } = paid;
        const job = `purchase/${id}`;
        const movement = { type: 'purchase', debit: accounts.chain, credit: account, units } as const;
        await write
          .insertInto('transfers')
          .values({ id: job, job, ...movement, at: BigInt(now()) })
          .execute();
        await write.executeQuery(statements.refund({ account, units }));
      }),
    async drop(id) {
      await db.deleteFrom('purchases').where('id', '=', id).where('state', '=', 'pending').execute();
    },
    pending: (most) =>
      db.selectFrom('purchases').selectAll().where('state', '=', 'pending').orderBy('at').limit(most).execute(),
    async balance(account) {
      const stored = await db.selectFrom('balances').select('units').where('account', '=', account).executeTakeFirst();
      const { held } = await db
        .selectFrom('open_holds')
        .select(sql<bigint>`CAST(COALESCE(SUM(units), 0) AS BIGINT)`.as('held'))
        .where('account', '=', account)
        .executeTakeFirstOrThrow();
      return { units: stored?.units ?? 0n, held };
    },
  };
}
