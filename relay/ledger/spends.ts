import { sql, type Transaction } from 'kysely';
import { errorCode } from '#lib/base/errors.ts';
import { wireError } from '#lib/protocol/errors.ts';
import type { LedgerDatabase, OpenSpendRow, Tables } from './database.ts';
import { accounts } from './ledger.ts';
import { canaryRoom, levyAccounts } from './levy.ts';
import { createStatements } from './statements.ts';
import { ledgerUnavailable } from './unavailable.ts';

/**
 * What jobs cost at providers: of what was charged for the work, the part that was promised in a channel. Vouchers are kept
 * elsewhere, so that a payment is written down before its first voucher, and booked at its end; what a killed gateway had
 * promised and not booked is the difference between a channel's voucher and its account. What canaries cost is taken from the levy, and beyond it
 * from what the operator allows in a day. Amounts are micro-credits.
 */
export interface SpendBook {
  /** Written before anything is promised. @throws `ledger-unavailable`, `budget` for a canary that nothing is left for. */
  begin(spend: Spend): Promise<void>;
  /** What canaries may still cost. @throws `ledger-unavailable`. */
  canaryRoom(): Promise<bigint>;
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
  /** Whether it is nobody's job, and is paid for by the levy. */
  readonly isCanary?: boolean | undefined;
}

/** A job's payments are numbered from 0: it pays each of its workers. */
export const spendId = (job: string, number: number): string => `${job}/spend/${number}`;
export const channelAccount = (chain: number, id: string): string => `channel ${chain}/${id}`;

const channelPattern = 'channel %';

export function createSpendBook(
  db: LedgerDatabase,
  {
    gateway,
    now,
    subsidyMax = 0n,
  }: {
    readonly gateway: string;
    readonly now: () => number;
    /** What the operator pays for canaries in a day, where the levy is not enough. */
    readonly subsidyMax?: bigint | undefined;
  },
): SpendBook {
  const statements = createStatements(db);
  const write = <Result>(work: (write: Transaction<Tables>) => Promise<Result>): Promise<Result> =>
    db
      .transaction()
      .execute(work)
      .catch((cause: unknown) => {
        throw errorCode(cause) === 'budget' ? cause : ledgerUnavailable(cause);
      });
  const book = async (
    on: Transaction<Tables>,
    { id, job, account, units, debit = accounts.work }: Omit<Spend, 'most'> & { units: bigint; debit?: string },
  ) => {
    if (units <= 0n) return;
    const movement = { type: 'spend', debit, credit: account, units } as const;
    await on
      .insertInto('transfers')
      .values({ id, job, ...movement, at: BigInt(now()) })
      .execute();
  };
  /** Where several gateways share the books, one after the other asks what is left of it, and takes it. */
  const lockLevy = (on: Transaction<Tables>) =>
    on.executeQuery(statements.refund({ account: levyAccounts.levy, units: 0n }));
  const bookCanary = async (
    on: Transaction<Tables>,
    { id, units, ...spend }: Omit<Spend, 'most'> & { units: bigint },
  ) => {
    await lockLevy(on);
    const { rows } = await on.executeQuery(statements.balance({ account: levyAccounts.levy }));
    const left = rows[0]?.units ?? 0n;
    const levied = units < left ? units : left;
    if (levied > 0n)
      await on.executeQuery(statements.spend({ account: levyAccounts.levy, units: levied, least: levied }));
    await book(on, { ...spend, id, units: levied, debit: levyAccounts.levy });
    await book(on, { ...spend, id: `${id}/subsidy`, units: units - levied, debit: levyAccounts.subsidy });
  };
  const bookOpen = (on: Transaction<Tables>, open: OpenSpendRow, units: bigint) =>
    open.canary === 1n ? bookCanary(on, { ...open, units }) : book(on, { ...open, units });

  return {
    async begin({ id, job, account, most, isCanary }) {
      await write(async (on) => {
        if (isCanary) await lockLevy(on);
        if (isCanary && most > (await canaryRoom(on, { now: now(), subsidyMax }))) throw wireError('budget');
        const canary = isCanary ? 1n : 0n;
        await on.insertInto('open_spends').values({ id, job, gateway, account, units: most, canary }).execute();
      });
    },
    canaryRoom: () => write((on) => canaryRoom(on, { now: now(), subsidyMax })),
    end: (id, units) =>
      write(async (on) => {
        const open = await on.deleteFrom('open_spends').where('id', '=', id).returningAll().executeTakeFirst();
        if (open) await bookOpen(on, open, units);
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
            await bookOpen(on, spend, units);
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
