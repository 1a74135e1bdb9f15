import { manualClock } from '#lib/base/clock.fixture.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { createCreditBook } from '../../../relay/ledger/credits.ts';
import { openDatabase } from '../../../relay/ledger/database.ts';
import { createEscrowBook } from '../../../relay/ledger/escrows.ts';
import { createLedger, walletAccount } from '../../../relay/ledger/ledger.ts';
import { createPermitBook } from '../../../relay/ledger/permits.ts';

/**
 * A stranger's answer that is paid when it has ended, and two escrows of a wallet, of which one is released and one comes back.
 * Called again after a kill it goes on where it was, like a relay that is asked the same again. Says what became of the permit.
 */
export async function passDoors(file: string, onPrepared: () => void = () => undefined): Promise<string | undefined> {
  const db = await openDatabase({ file });
  const start = Date.parse('2026-11-29T12:00:00Z');
  const clock = manualClock(start);
  const { now } = clock;
  const cost = () => 7n;
  const ledger = createLedger({ db, gateway: 'a', cost, costOnChain: cost, clock, logger: silentLogger });
  const credits = createCreditBook(db, { now });
  const permits = createPermitBook(db, { now });
  const escrows = createEscrowBook(db, { now });
  const payer = '0x00000000000000000000000000000000000000aa';
  const provider = '0x00000000000000000000000000000000000000bb';
  await credits.begin({ id: 'p', account: walletAccount(payer), units: 100n, transfer: '{}', since: 1n });
  await credits.complete('p', '0x1');
  onPrepared();

  const used = { tokensIn: 1, tokensOut: 1 };
  await ledger.recover(async () => used);
  if (await permits.begin({ id: 'a', permit: '{}', since: 1n })) {
    await ledger.hold({ job: 'one', ids: ['one'], key: undefined, permit: 'a', most: used });
    void ledger.close({ job: 'one', used, run: undefined });
    await clock.advance(50);
    await ledger.stop();
  }
  for (const { id } of await permits.due(9)) await permits.collected(id, '0x2');
  const { state } = (await permits.find('a')) ?? {};

  const terms = { kind: 'llm', model: 'm', payer, provider, units: 10, price: 3n, deadline: start + 1_000 };
  await escrows.open({ ...terms, job: 'j' });
  await escrows.open({ ...terms, job: 'k' });
  await escrows.release({ payer, job: 'j' }, 6);
  await clock.advance(1_000);
  await escrows.refundDue(9);
  await db.destroy();
  return state;
}
