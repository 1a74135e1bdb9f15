import { manualClock } from '#lib/base/clock.fixture.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { createCreditBook } from '../../../relay/ledger/credits.ts';
import { openDatabase } from '../../../relay/ledger/database.ts';
import { createEscrowBook } from '../../../relay/ledger/escrows.ts';
import { createLedger, walletAccount } from '../../../relay/ledger/ledger.ts';
import { createPermitBook } from '../../../relay/ledger/permits.ts';
import { killAt, say } from './kill-at.ts';

/**
 * A stranger's answer that is paid when it has ended, and two escrows of a wallet, of which one is released and one comes back,
 * on the database of the first argument. Killed as the other arguments say; run again it goes on where it was, like a relay
 * that is asked the same again.
 */
const [file, number, side] = process.argv.slice(2);
const db = await openDatabase({ file: file! });
const start = Date.parse('2026-11-29T12:00:00Z');
const clock = manualClock(start);
const { now } = clock;
const cost = () => 7n;
const ledger = createLedger({ db, gateway: 'a', cost, costOnChain: cost, clock, logger: silentLogger });
const [credits, permits, escrows] = [
  createCreditBook(db, { now }),
  createPermitBook(db, { now }),
  createEscrowBook(db, { now }),
];
const [payer, provider] = ['0x00000000000000000000000000000000000000aa', '0x00000000000000000000000000000000000000bb'];
await credits.begin({ id: 'p', account: walletAccount(payer), units: 100n, transfer: '{}', since: 1n });
await credits.complete('p', '0x1');

const written = killAt(Number(number), side!);
const used = { tokensIn: 1, tokensOut: 1 };
await ledger.recover(async () => used);
if (await permits.begin({ id: 'a', permit: '{}', since: 1n })) {
  await ledger.hold({ job: 'one', ids: ['one'], key: undefined, permit: 'a', most: used });
  void ledger.close({ job: 'one', used, run: undefined });
  await clock.advance(50);
  await ledger.stop();
}
for (const { id } of await permits.due(9)) await permits.collected(id, '0x2');
say(`permit ${(await permits.find('a'))?.state}`);

const terms = { kind: 'llm', model: 'm', payer, provider, units: 10, price: 3n, deadline: start + 1_000 };
await escrows.open({ ...terms, job: 'j' });
await escrows.open({ ...terms, job: 'k' });
await escrows.release({ payer, job: 'j' }, 6);
await clock.advance(1_000);
await escrows.refundDue(9);
say(`written ${written()}`);
