import { sql } from 'kysely';
import type { Clock } from '#lib/base/clock.ts';
import { errorCode, TabloomError } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { EscrowRow, LedgerDatabase, TransferType } from './database.ts';
import { accounts, insufficientCredits, walletAccount } from './ledger.ts';
import { createStatements } from './statements.ts';

/**
 * Credits that a wallet has set aside for one job of another wallet: paid out when it says what was delivered, back when the
 * deadline has passed. Each escrow is opened once and closed once; the same words again change nothing and find it as it is.
 */
export interface EscrowBook {
  /** @throws `insufficient-credits`, `escrow-exists` for a job with other terms, `too-many-escrows`, `bad-request`. */
  open(terms: EscrowTerms): Promise<Escrow>;
  /** Pays for so many units, of which the rest goes back. @throws `escrow-unknown`, `escrow-closed`, `escrow-exceeded`. */
  release(id: EscrowId, units: number): Promise<Escrow>;
  /**
   * Gives everything back: to be asked for by the provider at any time, by the payer once the deadline has passed.
   * @throws `escrow-unknown`, `escrow-closed`, `escrow-not-due`.
   */
  refund(id: EscrowId, by: 'payer' | 'provider'): Promise<Escrow>;
  /** Refunds what is past its deadline, the oldest first. Returns how many. */
  refundDue(most: number): Promise<number>;
}

export interface EscrowId {
  /** Lower-case addresses. */
  readonly payer: string;
  readonly job: string;
  /** Whoever asks as the provider must be it. */
  readonly provider?: string | undefined;
}

export interface EscrowTerms extends EscrowId {
  readonly kind: string;
  /** Empty where none is named. */
  readonly model: string;
  readonly provider: string;
  /** Of the kind's unit, at most. */
  readonly units: number;
  /** Of one unit, in micro-credits. */
  readonly price: bigint;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
}

export interface Escrow extends EscrowTerms {
  readonly state: EscrowRow['state'];
  /** What was delivered; 0 until it is released. */
  readonly delivered: number;
  /** In micro-credits: what the provider got, what the network kept, and what came back. */
  readonly paid: bigint;
  readonly share: bigint;
  readonly refunded: bigint;
}

/** Of one payer. */
const openMax = 1_000;
/** What the contracts take of a channel too, in ten-thousandths. */
const shareBasisPoints = 1_000n;

/** All of it @throws what the database does. */
export function createEscrowBook(db: LedgerDatabase, { now }: { readonly now: () => number }): EscrowBook {
  const statements = createStatements(db);
  type Write = Parameters<Parameters<ReturnType<LedgerDatabase['transaction']>['execute']>[0]>[0];

  const move = async (write: Write, row: EscrowRow, type: TransferType, account: string, units: bigint) => {
    if (units === 0n) return;
    const sides = type === 'escrow' ? [account, accounts.escrowed] : [accounts.escrowed, account];
    const [debit, credit] = sides as [string, string];
    const job = `escrow/${row.id}`;
    await write
      .insertInto('transfers')
      .values({ id: `${job}/${type}`, job, type, debit, credit, units, at: BigInt(now()) })
      .execute();
    if (type !== 'escrow' && account !== accounts.network) {
      await write.executeQuery(statements.refund({ account, units }));
    }
  };
  const find = async (write: Write, { payer, job, provider }: EscrowId) => {
    const row = await write
      .selectFrom('escrows')
      .selectAll()
      .where('id', '=', idOf(payer, job))
      .$call((query) => (provider === undefined ? query : query.where('provider', '=', provider)))
      .executeTakeFirst();
    if (row) return row;
    throw new TabloomError('escrow-unknown', 'There is no such escrow of this wallet. Check "job", and "payer".');
  };
  /** Whoever changes the row closes the escrow; another finds it closed. */
  const close = async (write: Write, row: EscrowRow, state: 'released' | 'refunded', delivered: bigint) => {
    const closed = await write
      .updateTable('escrows')
      .set({ state, delivered, closed_at: BigInt(now()) })
      .where('id', '=', row.id)
      .where('state', '=', 'open')
      .returningAll()
      .executeTakeFirst();
    if (!closed) {
      const there = await find(write, row);
      if (there.state === state && there.delivered === delivered) return readEscrow(there);
      throw closedError(there);
    }
    const due = delivered * row.price;
    const share = (due * shareBasisPoints) / 10_000n;
    await move(write, row, 'payout', walletAccount(row.provider), due - share);
    await move(write, row, 'share', accounts.network, share);
    await move(write, row, 'refund', walletAccount(row.payer), row.units * row.price - due);
    return readEscrow(closed);
  };

  return {
    open: (terms) =>
      db.transaction().execute(async (write) => {
        const row = rowOf(terms, now());
        const { numInsertedOrUpdatedRows } = await write
          .insertInto('escrows')
          .values(row)
          .onConflict((conflict) => conflict.column('id').doNothing())
          .executeTakeFirstOrThrow();
        if (numInsertedOrUpdatedRows !== 1n) {
          const there = await find(write, { payer: terms.payer, job: terms.job });
          if (isSame(there, row)) return readEscrow(there);
          const says = 'This job has an escrow with other terms. Send the same ones, or name another job.';
          throw new TabloomError('escrow-exists', says, { details: { param: 'job' } });
        }
        if (terms.deadline <= now()) {
          const says = '"deadline" must be in the future, in Unix seconds.';
          throw new TabloomError('bad-request', says, { details: { param: 'deadline' } });
        }
        const { count } = await write
          .selectFrom('escrows')
          .select(({ fn }) => fn.countAll<bigint>().as('count'))
          .where('payer', '=', terms.payer)
          .where('state', '=', 'open')
          .executeTakeFirstOrThrow();
        if (count > openMax) {
          throw new TabloomError('too-many-escrows', `A wallet has at most ${openMax} open escrows. Close one first.`);
        }
        const account = walletAccount(terms.payer);
        const units = row.units * row.price;
        const spent = await write.executeQuery(statements.spend({ account, units, least: units }));
        if (spent.numAffectedRows !== 1n) {
          const [balance] = (await write.executeQuery(statements.balance({ account }))).rows;
          throw insufficientCredits(units, balance?.units ?? 0n);
        }
        await move(write, row, 'escrow', account, units);
        return readEscrow(row);
      }),
    release: (id, units) =>
      db.transaction().execute(async (write) => {
        const row = await find(write, id);
        if (row.state === 'released' && row.delivered === BigInt(units)) return readEscrow(row);
        if (row.state !== 'open' || Number(row.deadline) <= now()) throw closedError(row);
        if (BigInt(units) > row.units) {
          const says = `At most ${row.units} units are in this escrow. Release as many or fewer.`;
          throw new TabloomError('escrow-exceeded', says, { details: { param: 'units' } });
        }
        return close(write, row, 'released', BigInt(units));
      }),
    refund: (id, by) =>
      db.transaction().execute(async (write) => {
        const row = await find(write, id);
        if (row.state === 'refunded') return readEscrow(row);
        if (row.state === 'released') throw closedError(row);
        if (by === 'payer' && Number(row.deadline) > now()) {
          const says =
            'The provider has until the deadline. It comes back by itself then, or when the provider says so.';
          throw new TabloomError('escrow-not-due', says, { details: { retryAfterMs: Number(row.deadline) - now() } });
        }
        return close(write, row, 'refunded', 0n);
      }),
    refundDue: (most) =>
      db.transaction().execute(async (write) => {
        const rows = await write
          .selectFrom('escrows')
          .selectAll()
          .where('state', '=', 'open')
          .where('deadline', '<=', BigInt(now()))
          .orderBy('deadline')
          .limit(most)
          .execute();
        for (const row of rows) {
          // Another gateway that is at it, too, or a provider at this moment.
          await close(write, row, 'refunded', 0n).catch((error: unknown) => {
            if (errorCode(error) !== 'escrow-closed') throw error;
          });
        }
        return rows.length;
      }),
  };
}

const idOf = (payer: string, job: string): string => `${payer}/${job}`;

const rowOf = ({ payer, job, kind, model, provider, units, price, deadline }: EscrowTerms, at: number): EscrowRow => ({
  id: idOf(payer, job),
  payer,
  job,
  kind,
  model,
  provider,
  units: BigInt(units),
  price,
  deadline: BigInt(deadline),
  state: 'open',
  delivered: 0n,
  closed_at: 0n,
  at: BigInt(at),
});

const isSame = (a: EscrowRow, b: EscrowRow): boolean =>
  (['kind', 'model', 'provider', 'units', 'price', 'deadline'] as const).every((name) => a[name] === b[name]);

function readEscrow({
  payer,
  job,
  kind,
  model,
  provider,
  units,
  price,
  deadline,
  state,
  delivered,
}: EscrowRow): Escrow {
  const due = delivered * price;
  const share = (due * shareBasisPoints) / 10_000n;
  const terms = { payer, job, kind, model, provider, units: Number(units), price, deadline: Number(deadline) };
  const refunded = state === 'open' ? 0n : units * price - due;
  return { ...terms, state, delivered: Number(delivered), paid: due - share, share, refunded };
}

const closedError = ({ state, delivered }: EscrowRow): TabloomError =>
  new TabloomError(
    'escrow-closed',
    state === 'released'
      ? `This escrow was released for ${delivered} units. What is closed does not change.`
      : 'The deadline of this escrow has passed, or it was refunded. Open another one for another job.',
  );

/** Refunds what is past its deadline, whatever was killed meanwhile. */
export function createDeadlineWatch({ book, clock, logger }: DeadlineWatchInit): {
  start(): void;
  /** Resolves when nothing is being written any more. */
  stop(): Promise<void>;
} {
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  const run = async () => {
    for (;;) {
      try {
        for (let refunded = batchMax; refunded === batchMax && !stopping.signal.aborted;) {
          refunded = await book.refundDue(batchMax);
          if (refunded > 0) logger.info('escrows-refunded', { escrows: refunded });
        }
      } catch (error) {
        logger.warn('escrows-not-refunded', { error });
      }
      await clock.delay(everyMs, stopping);
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

export interface DeadlineWatchInit {
  readonly book: Pick<EscrowBook, 'refundDue'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

const everyMs = 30_000;
/** Of one transaction. */
const batchMax = 16;

/** What open escrows come to, against their account. */
export const escrowFindings = sql`
  SELECT ${sql.lit(accounts.escrowed)} AS subject, 'is not what the open escrows come to' AS problem
    WHERE (SELECT COALESCE(SUM(units * price), 0) FROM escrows WHERE state = 'open') <>
      (SELECT COALESCE(SUM(CASE WHEN credit = 'escrowed' THEN units ELSE 0 END - CASE WHEN debit = 'escrowed' THEN units ELSE 0 END), 0)
        FROM transfers WHERE credit = 'escrowed' OR debit = 'escrowed')
  UNION ALL
  SELECT e.id, 'is closed, and what went out is not what went in'
    FROM escrows e WHERE e.state <> 'open' AND e.units * e.price <>
      (SELECT COALESCE(SUM(t.units), 0) FROM transfers t WHERE t.job = 'escrow/' || e.id AND t.debit = 'escrowed')`;
