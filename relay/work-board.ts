import type { Clock } from '#lib/base/clock.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { ReceiptBook } from '#lib/peer/receipt-book.ts';
import { addWork, forgetWork, topWork, workDay, type WorkOfDay, type WorkTotal } from './ledger/work.ts';
import type { LedgerDatabase } from './ledger/database.ts';

/** Who has worked most for this relay, by receipts that passed every check and that it countersigned. */
export interface WorkBoard {
  /** Of the last days of UTC, today among them: at most a thousand workers, in falling order of tokens written. */
  top(days: number): Promise<readonly WorkTotal[]>;
  /** Counts no more, and writes down what was counted. */
  stop(): Promise<void>;
}

export interface WorkBoardComponents {
  readonly db: LedgerDatabase;
  readonly receipts: Pick<ReceiptBook, 'onRecord'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

export const daysMax = 90;
const placesMax = 1_000;
/** What a gateway that is killed loses of the counts at most. */
const writeMs = 5_000;
/** Workers and days that wait to be written: a database that is away must not fill the memory. */
const pendingMax = 4_096;
/** For so long the same is told again. */
const toldMs = 10_000;
const dayMs = 86_400_000;

/** A receipt costs an entry in a map; the database hears of them every few seconds, and never on the way of an answer. */
export function createWorkBoard({ db, receipts, clock, logger }: WorkBoardComponents): WorkBoard {
  let pending = new Map<string, WorkOfDay>();
  let timer: (() => void) | undefined;
  let writing: Promise<void> | undefined;
  let isOver = false;
  let forgotten = -Infinity;
  const told = new Map<number, { readonly at: number; readonly rows: Promise<readonly WorkTotal[]> }>();

  const add = (one: WorkOfDay) => {
    const key = `${one.worker} ${one.day}`;
    const before = pending.get(key);
    if (!before && pending.size >= pendingMax) return;
    pending.set(key, {
      ...one,
      answers: one.answers + (before?.answers ?? 0),
      tokensIn: one.tokensIn + (before?.tokensIn ?? 0),
      tokensOut: one.tokensOut + (before?.tokensOut ?? 0),
      lastAt: Math.max(one.lastAt, before?.lastAt ?? 0),
    });
  };
  const plan = () => {
    if (!isOver) timer ??= clock.after(writeMs, () => void write());
  };
  const writeAll = async () => {
    const batch = pending;
    pending = new Map();
    try {
      if (batch.size > 0) await addWork(db, [...batch.values()]);
      const today = workDay(clock.now());
      if (today > forgotten) await forgetWork(db, today - daysMax * dayMs);
      forgotten = today;
    } catch (error) {
      // Counted again with what comes: an insertion that failed has changed nothing.
      logger.warn('work-not-written', { error });
      for (const one of batch.values()) add(one);
      plan();
    }
  };
  const write = async () => {
    timer?.();
    timer = undefined;
    await writing;
    await (writing = writeAll());
  };

  const end = receipts.onRecord(({ side, receipt, settled }) => {
    if (side !== 'worker' || !settled || receipt.worker === receipt.asker) return;
    const { worker, tokensIn, tokensOut, resumedTokens } = receipt;
    const now = clock.now();
    // By this relay's clock: a worker's own date could lie anywhere.
    const written = Math.max(0, tokensOut - resumedTokens);
    add({ worker, day: workDay(now), answers: 1, tokensIn, tokensOut: written, lastAt: Math.floor(now) });
    plan();
  });

  return {
    async top(days) {
      const now = clock.now();
      for (const [of, { at }] of told) if (now - at >= toldMs) told.delete(of);
      const known = told.get(days);
      if (known) return known.rows;
      const rows = topWork(db, { since: now - (days - 1) * dayMs, limit: placesMax });
      told.set(days, { at: now, rows });
      rows.catch(() => told.delete(days));
      return rows;
    },
    async stop() {
      isOver = true;
      end();
      await write();
    },
  };
}
