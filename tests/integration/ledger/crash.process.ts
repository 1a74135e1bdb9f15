import { manualClock } from '#lib/base/clock.fixture.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { seededRandom } from '#lib/base/random.ts';
import { keyTermsSchema } from '../../../relay/api-key.ts';
import { createAnswerStore } from '../../../relay/ledger/answers.ts';
import { openDatabase } from '../../../relay/ledger/database.ts';
import { createCreditBook } from '../../../relay/ledger/credits.ts';
import { createKeyBook } from '../../../relay/ledger/keys.ts';
import { createLedger, walletAccount } from '../../../relay/ledger/ledger.ts';
import { channelAccount, createSpendBook, spendId } from '../../../relay/ledger/spends.ts';
import { killAt, say } from './kill-at.ts';

/**
 * A wallet pays for credits, then two jobs under one key of it, the second with an answer that is kept and a provider that is paid, on the database of the first argument. Of the statements
 * that write, the process is killed at the one that the second argument counts, before it has run or after, as the third
 * says. Every step that it knows to be done is a line of its output.
 */
const [file, number, side] = process.argv.slice(2);
const db = await openDatabase({ file: file! });
const clock = manualClock(Date.parse('2026-11-29T12:00:00Z'));
const ledger = createLedger({ db, gateway: 'a', cost: () => 10n, costOnChain: () => 10n, clock, logger: silentLogger });
const keys = createKeyBook(db, { now: clock.now, random: seededRandom(1) });
const answers = createAnswerStore(db, { gateway: 'a', now: clock.now });
const wallet = '0x00000000000000000000000000000000000000aa';
const { record: key } = await keys.create(keyTermsSchema.parse({ caps: { requestsTotal: 10 } }), wallet);
const credits = createCreditBook(db, { now: clock.now });
const spends = createSpendBook(db, { gateway: 'a', now: clock.now });

const written = killAt(Number(number), side!);
const purchase = { id: 'p', account: walletAccount(wallet), units: 30n, transfer: '{}', since: 1n };
await credits.begin(purchase);
say('begun');
await credits.complete('p', '0x1');
say('paid');

const most = { tokensIn: 5, tokensOut: 5 };
const ran = { model: 'm', kind: 'chat', peer: undefined, outcome: 'finished', ms: 1 } as const;
for (const job of ['one', 'two']) {
  if (job === 'two') await answers.claim({ name: 'n', bodyHash: 'b', expiresAt: clock.now() + 1_000 });
  await ledger.hold({ job, ids: [job], key, most });
  say(`held ${job}`);
  // The second pays a provider in between; the voucher itself is stored elsewhere.
  const id = spendId(job, 0);
  if (job === 'two') await spends.begin({ id, job, account: channelAccount(1, '0xc'), most: 9n });
  if (job === 'two') say('promised');
  if (job === 'two') await answers.save('n', { ids: ['two'], events: ['an answer'] });
  ledger.close({ job, used: { tokensIn: 3, tokensOut: 1 }, run: ran });
  await clock.advance(10);
  await ledger.stop();
  if (job === 'two') await spends.end(id, 4n);
  say(`closed ${job}`);
}
say(`written ${written()}`);
