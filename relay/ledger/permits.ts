import type { LedgerDatabase, PermitRow } from './database.ts';
import { accounts } from './ledger.ts';

/** What strangers have signed for single answers, and what became of it in the books. All of it @throws what the database does. */
export interface PermitBook {
  /** Writes a permit down before any work is done for it; the ledger names its job, and what that came to. False for one that was written down before. */
  begin(permit: Pick<PermitRow, 'id' | 'permit' | 'since'>): Promise<boolean>;
  find(id: string): Promise<PermitRow | undefined>;
  /**
   * Those that may still be collected, of ids that begin so: of answers that are over, under way, or about to begin.
   */
  standing(prefix: string): Promise<readonly PermitRow[]>;
  /** Forgets one that no job was held for. */
  forget(id: string): Promise<void>;
  /** Books what was collected. */
  collected(id: string, hash: string): Promise<void>;
  /** Books what cannot be collected any more. */
  lost(id: string): Promise<void>;
  /** What is due, the oldest first. Forgets those that never came to a job. */
  due(most: number): Promise<readonly PermitRow[]>;
}

/** A hold follows a permit within a moment, or never. */
const momentMs = 60_000;
const unboundMs = 3_600_000;

export function createPermitBook(db: LedgerDatabase, { now }: { readonly now: () => number }): PermitBook {
  const close = (id: string, state: 'paid' | 'lost', hash: string | null) =>
    db.transaction().execute(async (write) => {
      const closed = await write
        .updateTable('permits')
        .set({ state, hash })
        .where('id', '=', id)
        .where('state', '=', 'due')
        .returning('units')
        .executeTakeFirst();
      if (!closed) return;
      const job = `permit/${id}`;
      const [type, debit] =
        state === 'paid' ? (['collection', accounts.chain] as const) : (['loss', accounts.losses] as const);
      const movement = { type, debit, credit: accounts.promised, units: closed.units };
      await write
        .insertInto('transfers')
        .values({ id: job, job, ...movement, at: BigInt(now()) })
        .execute();
    });

  return {
    async begin(permit) {
      const row: PermitRow = { ...permit, job: null, state: 'open', units: 0n, hash: null, at: BigInt(now()) };
      const { numInsertedOrUpdatedRows } = await db
        .insertInto('permits')
        .values(row)
        .onConflict((conflict) => conflict.column('id').doNothing())
        .executeTakeFirstOrThrow();
      return numInsertedOrUpdatedRows === 1n;
    },
    find: (id) => db.selectFrom('permits').selectAll().where('id', '=', id).executeTakeFirst(),
    standing: (prefix) =>
      db
        .selectFrom('permits')
        .selectAll()
        .where('state', 'in', ['open', 'due'])
        .where('id', 'like', `${prefix}%`)
        .where(({ eb, or }) => or([eb('job', 'is not', null), eb('at', '>=', BigInt(now() - momentMs))]))
        .execute(),
    async forget(id) {
      await db.deleteFrom('permits').where('id', '=', id).where('job', 'is', null).execute();
    },
    collected: (id, hash) => close(id, 'paid', hash),
    lost: (id) => close(id, 'lost', null),
    async due(most) {
      await db
        .deleteFrom('permits')
        .where('job', 'is', null)
        .where('at', '<', BigInt(now() - unboundMs))
        .execute();
      return db.selectFrom('permits').selectAll().where('state', '=', 'due').orderBy('at').limit(most).execute();
    },
  };
}
