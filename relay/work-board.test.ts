import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { silentLogger } from '#lib/base/logger.ts';
import type { ReceiptBook, TakenRecord } from '#lib/peer/receipt-book.ts';
import { openDatabase, type LedgerDatabase } from './ledger/database.ts';
import { createWorkBoard, daysMax } from './work-board.ts';

const dayMs = 86_400_000;
const start = 20_000 * dayMs + 5_000;

let folder: string;
let db: LedgerDatabase;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabloom-work-'));
  db = await openDatabase({ file: join(folder, 'ledger.db') });
});
afterEach(async () => {
  await db.destroy();
  await rm(folder, { recursive: true, force: true });
});

/** A gateway with a book of receipts that tells what it is given. */
function gateway(clock = manualClock(start), database: LedgerDatabase = db) {
  let listener: ((record: TakenRecord) => void) | undefined;
  const receipts: Pick<ReceiptBook, 'onRecord'> = {
    onRecord(given) {
      listener = given;
      return () => (listener = undefined);
    },
  };
  const board = createWorkBoard({ db: database, receipts, clock, logger: silentLogger });
  const take = (
    worker: string,
    tokensOut: number,
    over: { settled?: boolean; side?: 'asker'; resumed?: number } = {},
  ) => {
    const { settled = true, side = 'worker', resumed: resumedTokens = 0 } = over;
    const receipt = { worker, asker: 'relay', tokensIn: 10, tokensOut, resumedTokens };
    listener?.({ side, settled, receipt } as unknown as TakenRecord);
  };
  return { board, clock, take };
}

test('work is what was checked and countersigned, added up over gateways and days', async () => {
  const [one, other] = [gateway(), gateway()];
  one.take('a', 100);
  one.take('a', 50, { resumed: 20 });
  one.take('b', 500, { settled: false });
  one.take('b', 500, { side: 'asker' });
  one.take('b', 7);
  await one.board.stop();
  one.take('a', 1_000);
  other.take('a', 1);
  await other.board.stop();
  const later = gateway(manualClock(start + dayMs));
  later.take('b', 1_000);
  await later.board.stop();
  const read = (days: number) => gateway(later.clock).board.top(days);
  expect(await read(1)).toEqual([{ worker: 'b', answers: 1, tokensIn: 10, tokensOut: 1_000, lastAt: start + dayMs }]);
  expect(await read(2)).toEqual([
    { worker: 'b', answers: 2, tokensIn: 20, tokensOut: 1_007, lastAt: start + dayMs },
    { worker: 'a', answers: 3, tokensIn: 30, tokensOut: 131, lastAt: start },
  ]);
});

test('it is written every few seconds, and days that are long over are forgotten', async () => {
  const { board, clock, take } = gateway();
  take('a', 5);
  await clock.advance(5_000);
  await expect.poll(() => gateway(clock).board.top(1)).toHaveLength(1);
  await board.stop();
  const later = gateway(manualClock(start + (daysMax + 1) * dayMs));
  later.take('b', 1);
  await later.board.stop();
  const rows = await db.selectFrom('work').select('worker').execute();
  expect(rows).toEqual([{ worker: 'b' }]);
});

test('what the database did not take is counted with what comes', async () => {
  let isAway = true;
  const flaky = new Proxy(db, {
    get: (target, name, receiver) => {
      if (name === 'transaction' && isAway) throw new Error('away');
      const value: unknown = Reflect.get(target, name, receiver);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const { board, clock, take } = gateway(manualClock(start), flaky);
  take('a', 5);
  await clock.advance(5_000);
  isAway = false;
  take('a', 6);
  await board.stop();
  expect(await gateway(clock).board.top(1)).toMatchObject([{ worker: 'a', answers: 2, tokensOut: 11 }]);
});
