import { mkdtemp, rm } from 'node:fs/promises';
import { StatementSync } from 'node:sqlite';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { seededRandom } from '#lib/base/random.ts';
import { keyTermsSchema } from '../../../relay/api-key.ts';
import { checkLedger } from '../../../relay/ledger/check.ts';
import { createCreditBook } from '../../../relay/ledger/credits.ts';
import { openDatabase } from '../../../relay/ledger/database.ts';
import { createKeyBook } from '../../../relay/ledger/keys.ts';
import { balances, createLedger, walletAccount } from '../../../relay/ledger/ledger.ts';
import { channelAccount, createSpendBook, spendId } from '../../../relay/ledger/spends.ts';

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'tabloom-levy-'))));
afterAll(() => rm(folder, { recursive: true, force: true }));
const { run, all } = StatementSync.prototype;
const restore = () => Object.assign(StatementSync.prototype, { run, all });
afterEach(restore);

const channel = channelAccount(1, '0xc');
const cost = () => 100n;
const used = { tokensIn: 3, tokensOut: 1 };

/** From the write of this number on none is made, as in a process that has ended; of all for 0. Returns how many were begun. */
function stopWritingAt(number: number): () => number {
  let begun = 0;
  const counting = <Result>(original: (...values: never[]) => Result) =>
    function (this: StatementSync, ...values: never[]) {
      const isWrite = /^(begin|commit|insert|update|delete)/i.test(this.sourceSQL);
      if (isWrite && ++begun >= number && number > 0) throw new Error('the process has ended');
      return original.apply(this, values);
    };
  Object.assign(StatementSync.prototype, { run: counting(run), all: counting(all as never) });
  return () => begun;
}

const openBooks = async (file: string) => {
  const db = await openDatabase({ file });
  const clock = manualClock(Date.parse('2026-12-01T12:00:00Z'));
  const ledger = createLedger({ db, gateway: 'a', cost, costOnChain: cost, clock, logger: silentLogger });
  return { db, clock, ledger, spends: createSpendBook(db, { gateway: 'a', now: clock.now, subsidyMax: 50n }) };
};

/** A wallet's job that is levied ends, and a canary is paid for more than the levy has. */
async function play(file: string, endsAt: number) {
  const { db, clock, ledger, spends } = await openBooks(file);
  const wallet = '0x00000000000000000000000000000000000000aa';
  const keys = createKeyBook(db, { now: clock.now, random: seededRandom(1) });
  const { record: key } = await keys.create(keyTermsSchema.parse({}), wallet);
  const credits = createCreditBook(db, { now: clock.now });
  await credits.begin({ id: 'p', account: walletAccount(wallet), units: 100n, transfer: '{}', since: 1n });
  await credits.complete('p', '0x1');
  await ledger.hold({ job: 'one', ids: ['one'], key, most: used, isLevied: true });

  const begun = stopWritingAt(endsAt);
  const id = spendId('canary', 0);
  let hasPromised = false;
  try {
    void ledger.close({ job: 'one', used, run: undefined });
    await ledger.stop();
    await spends.begin({ id, job: 'canary', account: channel, most: 9n, isCanary: true });
    hasPromised = true;
    await spends.end(id, 5n);
  } catch {
    // It has ended.
  }
  restore();
  await db.destroy();
  return { begun: begun(), hasPromised };
}

test('books that end at any write levy a job once, and pay a canary once, when they are opened again', async () => {
  const { begun: writes } = await play(join(folder, 'whole.db'), 0);
  expect(writes).toBeGreaterThan(15);
  const promises: boolean[] = [];
  for (let endsAt = 1; endsAt <= writes; endsAt++) {
    const file = join(folder, `${endsAt}.db`);
    const { hasPromised } = await play(file, endsAt);
    promises.push(hasPromised);
    const { db, clock, ledger, spends } = await openBooks(file);
    const promised = hasPromised ? 5n : 0n;
    for (let times = 0; times < 2; times++) {
      await ledger.recover(async () => used);
      await spends.recover(new Map([[channel, promised]]));
    }
    const found = await balances(db);
    const of = (account: string) => found.get(account) ?? 0n;
    // Two of a hundred, and what they do not pay of five.
    expect([of('work'), of('levy') + of('subsidy'), of(channel)], `${endsAt}`).toEqual([98n, 2n - promised, promised]);
    expect(of('levy') === 0n || of('subsidy') === 0n, `${endsAt}`).toBe(true);
    expect((await checkLedger(db, clock.now())).findings, `${endsAt}`).toEqual([]);
    await db.destroy();
  }
  expect(new Set(promises).size).toBe(2);
});
