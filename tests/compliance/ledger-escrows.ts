import { deepStrictEqual as equal } from 'node:assert/strict';
import { silentLogger } from '#lib/base/logger.ts';
import { checkLedger } from '../../relay/ledger/check.ts';
import { createDeadlineWatch, createEscrowBook, type EscrowTerms } from '../../relay/ledger/escrows.ts';
import { balances, walletAccount } from '../../relay/ledger/ledger.ts';
import { settledDays } from '../../relay/ledger/settled.ts';
import { codeOf, ledgerCase, owner, type LedgerCase, type Scene } from './ledger.ts';

const provider = '0x00000000000000000000000000000000000000bb';
const start = Date.parse('2026-11-29T23:00:00Z');
const terms = (more: Partial<EscrowTerms> = {}): EscrowTerms => ({
  kind: 'llm',
  model: 'm',
  payer: owner,
  job: 'j',
  provider,
  units: 10,
  price: 3n,
  deadline: start + 60_000,
  ...more,
});
const id = { payer: owner, job: 'j' };
const bookOf = ({ db, clock }: Scene) => createEscrowBook(db, { now: clock.now });
const unitsOf = async ({ credits }: Scene, address: string) => (await credits.balance(walletAccount(address))).units;

/** What holds of credits that wallets set aside for each other's jobs. */
export const escrowCases: readonly LedgerCase[] = [
  ledgerCase('an escrow pays for what was delivered, less the share, and gives back the rest', async (scene) => {
    const book = bookOf(scene);
    equal(await codeOf(book.open(terms())), 'insufficient-credits', 'before anything was paid');
    await scene.pay(owner, 100n);
    equal((await book.open(terms())).state, 'open', 'state');
    equal(await unitsOf(scene, owner), 70n, 'what is left');
    const released = await book.release(id, 7);
    equal([released.paid, released.share, released.refunded], [19n, 2n, 9n], 'parts');
    equal([await unitsOf(scene, owner), await unitsOf(scene, provider)], [79n, 19n], 'balances');
    equal((await balances(scene.db)).get('network'), 2n, 'share');
    equal((await balances(scene.db)).get('escrowed'), 0n, 'nothing is left in it');
    const { findings, debts } = await checkLedger(scene.db, 0);
    equal(findings, [], 'findings');
    equal(debts, { wallets: 2, units: 98n, earned: 19n }, 'what the relay owes');
  }),
  ledgerCase('each step is taken once, however often and from wherever it is asked for', async (scene, reopen) => {
    const [book, other] = [bookOf(scene), bookOf(await reopen('b'))];
    await scene.pay(owner, 100n);
    await Promise.all([book.open(terms()), book.open(terms())]);
    await other.open(terms());
    equal(await unitsOf(scene, owner), 70n, 'after opening');
    equal(await codeOf(book.open(terms({ units: 9 }))), 'escrow-exists', 'other terms');
    equal(await codeOf(book.release(id, 11)), 'escrow-exceeded', 'too much');
    const codes = await Promise.all([4, 5, 4, 5].map((units) => codeOf(book.release(id, units))));
    equal(codes.filter((code) => code === 'none').length, 2, 'one amount alone');
    equal(await codeOf(other.refund({ ...id, provider }, 'provider')), 'escrow-closed', 'refund of what was released');
    equal(await codeOf(other.refund(id, 'payer')), 'escrow-closed', 'and by its payer, whom no deadline is told');
    const left = await unitsOf(scene, owner);
    equal((await book.open(terms())).state, 'released', 'opened again');
    equal(await unitsOf(scene, owner), left, 'nothing has moved');
    equal((await checkLedger(scene.db, 0)).findings, [], 'findings');
  }),
  ledgerCase('a refund waits for the deadline, or for the provider alone', async (scene) => {
    const book = bookOf(scene);
    await scene.pay(owner, 100n);
    await book.open(terms());
    await book.open(terms({ job: 'k' }));
    equal(await codeOf(book.refund(id, 'payer')), 'escrow-not-due', 'by the payer');
    equal(await codeOf(book.refund({ ...id, provider: owner }, 'provider')), 'escrow-unknown', 'by somebody else');
    equal((await book.refund({ ...id, provider }, 'provider')).refunded, 30n, 'by the provider');
    equal((await book.refund({ ...id, provider }, 'provider')).state, 'refunded', 'again');
    equal(await codeOf(book.release(id, 1)), 'escrow-closed', 'released after that');
    await scene.clock.advance(60_000);
    equal(await codeOf(book.release({ ...id, job: 'k' }, 1)), 'escrow-closed', 'released too late');
    equal((await book.refund({ ...id, job: 'k' }, 'payer')).state, 'refunded', 'by the payer, then');
    equal(await unitsOf(scene, owner), 100n, 'everything is back');
    equal(await codeOf(book.open(terms({ job: 'l' }))), 'bad-request', 'a deadline that has passed');
    equal((await checkLedger(scene.db, 0)).findings, [], 'findings');
  }),
  ledgerCase('what was paid is told by day, payer and model, once the day is over', async (scene) => {
    const book = bookOf(scene);
    await scene.pay(owner, 1_000n);
    const jobs = [
      { job: 'a' },
      { job: 'b', price: 5n },
      { job: 'c', model: 'n' },
      { job: 'd', model: '' },
      { job: 'e' },
    ];
    for (const one of jobs) await book.open(terms(one));
    for (const { job } of jobs.slice(0, 4)) await book.release({ payer: owner, job }, 4);
    await book.release({ payer: owner, job: 'e' }, 0);
    equal(await settledDays(scene.db, scene.clock.now()), [], 'today');
    const row = (model: string, value: bigint, units: bigint) => ({
      day: Date.parse('2026-11-29T00:00:00Z'),
      kind: 'llm',
      model,
      payer: owner,
      payee: provider,
      value,
      units,
    });
    const told = await settledDays(scene.db, start + 86_400_000);
    equal(
      told.toSorted((a, b) => (a.model < b.model ? -1 : 1)),
      [row('m', 32n, 8n), row('n', 12n, 4n)],
      'tomorrow',
    );
  }),
  ledgerCase('what is past its deadline comes back by itself, after a kill too', async (scene, reopen) => {
    await scene.pay(owner, 1_000n);
    const book = bookOf(scene);
    for (let job = 0; job < 20; job++) await book.open(terms({ job: `${job}` }));
    equal(await book.refundDue(99), 0, 'before the deadline');
    await scene.clock.advance(60_000);
    // Nothing is known of them but what is written.
    const again = await reopen('b');
    await again.clock.advance(60_000);
    const watch = createDeadlineWatch({ book: bookOf(again), clock: again.clock, logger: silentLogger });
    watch.start();
    while (!Number.isFinite(again.clock.nextDueMs)) await new Promise((resolve) => setTimeout(resolve, 5));
    await watch.stop();
    equal(await unitsOf(scene, owner), 1_000n, 'everything is back');
    equal((await checkLedger(scene.db, 0)).findings, [], 'findings');
  }),
];
