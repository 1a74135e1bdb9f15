import { manualClock } from '#lib/base/clock.fixture.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { openDatabase } from '../../../relay/ledger/database.ts';
import { createLedger } from '../../../relay/ledger/ledger.ts';
import { cutoffOf, foldJobs } from '../../../relay/ledger/upkeep.ts';
import { killAt, say } from './kill-at.ts';

/**
 * Three jobs of yesterday, folded in batches of two on the database of the first argument, and killed meanwhile as the others say;
 * see `kill-at.ts`. A database that has jobs is folded as it is.
 */
const [file, number, side] = process.argv.slice(2);
const db = await openDatabase({ file: file! });
const clock = manualClock(Date.parse('2026-11-29T12:00:00Z'));
const ledger = createLedger({
  db,
  gateway: 'a',
  cost: ({ tokensOut }) => BigInt(tokensOut),
  costOnChain: ({ tokensOut }) => BigInt(tokensOut),
  clock,
  logger: silentLogger,
});
if ((await db.selectFrom('transfers').select('id').execute()).length === 0) {
  for (const job of ['one', 'two', 'three']) {
    await ledger.hold({ job, ids: [job], key: undefined, most: { tokensIn: 0, tokensOut: 7 } });
    const run = { model: 'm', kind: 'chat', peer: undefined, outcome: 'finished', ms: 1 } as const;
    ledger.close({ job, used: { tokensIn: 0, tokensOut: 5 }, run });
    await ledger.stop();
  }
}
const written = killAt(Number(number), side!);
for (let folded = 2; folded === 2;) {
  folded = await foldJobs(db, { before: cutoffOf(Date.parse('2026-12-01T12:00:00Z'), 1), most: 2 });
}
say(`written ${written()}`);
