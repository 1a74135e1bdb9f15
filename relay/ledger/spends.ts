import { sql, type Transaction } from 'kysely';
import type { LedgerDatabase, Tables } from './database.ts';
import { accounts } from './ledger.ts';
import { ledgerUnavailable } from './unavailable.ts';

/**
 * What jobs cost at providers: of what was charged for the work, the part that was promised in a channel. Vouchers are kept
 * elsewhere, so that a payment is written down before its first voucher, and booked at its end; what a killed gateway had
 * promised and not booked is the difference between a channel's voucher and its account. Amounts are micro-credits.
 */
export interface SpendBook {
  /** Written before anything is promised. @throws `ledger-unavailable`. */
  begin(spend: Spend): Promise<void>;
  /** Books what was promised for it, once. @throws `ledger-unavailable`; it may be called again. */
  end(id: string, units: bigint): Promise<void>;
  /**
   * Books what this gateway had promised when it was last stopped or killed. Idempotent.
   * @param promised in each channel in all, by its account. @returns how many payments had been left open.
   */
  recover(promised: ReadonlyMap<string, bigint>): Promise<number>;
}

export interface Spend {
  /** See `spendId`. */
  readonly id: string;
  readonly job: string;
  /** Of the channel. */
  readonly account: string;
  /** What it may come to. */
  readonly most: bigint;
}

/** A job's payments are numbered from 0: it pays each of its workers. */
export const spendId = (job: string, number: number): string => `${job}/spend/${number}`;
export const channelAccount = (chain: number, id: string): string => `channel ${chain}/${id}`;

const channelPattern = 'channel %';

export function createSpendBook(
  db: LedgerDatabase,
  { gateway, now }: { readonly gateway: string; readonly now: () => number },
): SpendBook {
  const write = <Result>(work: (write: Transaction<Tables>) => Promise<Result>): Promise<Result> =>
    db
      .transaction()
      .execute(work)
      .catch((cause: unknown) => {
        throw ledgerUnavailable(cause);
      });
  const book = async (
    on: Transaction<Tables>,
    { id, job, account, units }: Omit<Spend, 'most'> & { units: bigint },
  ) => {
    if (units <= 0n) return;
    const movement = { type: 'spend', debit: accounts.work, credit: account, units } as const;
    await on
      .insertInto('transfers')
      .values({ id, job, ...movement, at: BigInt(now()) })
      .execute();
  };

  return {
    async begin({ id, job, account, most }) {
      await write((on) => on.insertInto('open_spends').values({ id, job, gateway, account, units: most }).execute());
    },
    end: (id, units) =>
      write(async (on) => {
        const open = await on.deleteFrom('open_spends').where('id', '=', id).returningAll().executeTakeFirst();
        if (open) await book(on, { ...open, units });
      }),
    recover: (promised) =>
      write(async (on) => {
        const open = await on.deleteFrom('open_spends').where('gateway', '=', gateway).returningAll().execute();
        const ofAccount = Map.groupBy(
          open.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
          ({ account }) => account,
        );
        const booked = await bookedOf(on);
        for (const [account, total] of promised) {
          let left = total - (booked.get(account) ?? 0n);
          for (const spend of ofAccount.get(account) ?? []) {
            const units = spend.units < left ? spend.units : left;
            await book(on, { ...spend, units });
            left -= units > 0n ? units : 0n;
          }
          // A promise that its write seemed not to have stored, and that no later one has used up.
          await book(on, { id: `${account}/${total}`, job: account, account, units: left });
        }
        return open.length;
      }),
  };
}

/** What was promised in each channel, by the books. */
export async function bookedOf(db: Pick<LedgerDatabase, 'selectFrom'>): Promise<ReadonlyMap<string, bigint>> {
  const rows = await db
    .selectFrom('transfers')
    .select(['credit', sql<bigint>`CAST(SUM(units) AS BIGINT)`.as('units')])
    .where('credit', 'like', channelPattern)
    .groupBy('credit')
    .execute();
  return new Map(rows.map(({ credit, units }) => [credit, units]));
}
