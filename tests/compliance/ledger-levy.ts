import { deepStrictEqual as equal } from 'node:assert/strict';
import { checkLedger } from '../../relay/ledger/check.ts';
import { balances, walletAccount } from '../../relay/ledger/ledger.ts';
import { levyStanding } from '../../relay/ledger/levy.ts';
import { channelAccount, createSpendBook, spendId } from '../../relay/ledger/spends.ts';
import { foldCanaries, foldJobs } from '../../relay/ledger/upkeep.ts';
import { codeOf, ledgerCase, owner, type LedgerCase, type Scene } from './ledger.ts';

const channel = channelAccount(31_337, '0xc');
const big = { tokensIn: 0, tokensOut: 1_000 };

/** Written after the time in which others may join it. */
async function closed({ ledger, clock }: Scene, closing: Parameters<typeof ledger.close>[0]) {
  const written = ledger.close(closing);
  await clock.advance(60);
  await written;
}

/** A wallet's job that costs twice its tokens. */
async function sell(scene: Scene, job: string, tokensOut: number, more: object = {}) {
  const key = await scene.makeKey({}, owner);
  await scene.ledger.hold({ job, ids: [job], key, most: big, isLevied: true, ...more });
  const run = { model: 'm', kind: 'chat', peer: undefined, outcome: 'finished', ms: 1 } as const;
  await closed(scene, { job, used: { tokensIn: 0, tokensOut }, run });
}
const findings = async ({ db, clock }: Scene) => (await checkLedger(db, clock.now())).findings;
const spendsOf = ({ db, clock }: Scene, subsidyMax = 0n) =>
  createSpendBook(db, { gateway: 'a', now: clock.now, subsidyMax });
const canary = (job: string, most: bigint) => ({ id: spendId(job, 0), job, account: channel, most, isCanary: true });
const levyOfBooks = async ({ db }: Scene) => (await balances(db)).get('levy') ?? 0n;

export const levyCases: readonly LedgerCase[] = [
  ledgerCase('two per cent of what a wallet pays go to the levy, rounded down, once', async (scene) => {
    const { db, pay } = scene;
    await pay(owner, 10_000n);
    await sell(scene, 'one', 500);
    // Of 98 and of 99 it is more than one, and less than two.
    await sell(scene, 'two', 49);
    await sell(scene, 'fixed', 1, { price: 99n });
    await closed(scene, { job: 'one', used: big, run: undefined });
    const all = await balances(db);
    equal([all.get('levy'), all.get('work')], [22n, 1_197n - 22n]);
    equal(all.get(walletAccount(owner)), 10_000n - 1_197n);
    equal(await findings(scene), []);
  }),
  ledgerCase('nothing is levied of a job that failed, that nobody pays for, or of the open tier', async (scene) => {
    const { ledger, pay, hold } = scene;
    await pay(owner, 10_000n);
    await sell(scene, 'open', 500, { isLevied: false });
    await ledger.hold({ job: 'guest', ids: ['guest'], key: undefined, most: big, isLevied: true });
    await hold('failed', await scene.makeKey({}, owner));
    ledger.close({ job: 'guest', used: big, run: undefined });
    ledger.close({ job: 'failed', used: undefined, run: undefined });
    await ledger.stop();
    equal(await levyOfBooks(scene), 0n);
    equal(await findings(scene), []);
  }),
  ledgerCase('a job that a killed gateway left open is levied when it is settled', async (scene, reopen) => {
    await scene.pay(owner, 10_000n);
    const key = await scene.makeKey({}, owner);
    await scene.ledger.hold({ job: 'left', ids: ['left'], key, most: big, isLevied: true });
    const again = await reopen();
    for (let times = 0; times < 2; times++) await again.ledger.recover(async () => ({ tokensIn: 0, tokensOut: 500 }));
    equal(await levyOfBooks(again), 20n);
    equal(await findings(again), []);
  }),
  ledgerCase('a part that was changed is found', async (scene) => {
    await scene.pay(owner, 10_000n);
    await sell(scene, 'one', 500);
    await scene.db.updateTable('transfers').set({ units: 19n }).where('id', '=', 'one/levy').execute();
    const problems = (await findings(scene)).filter(({ subject }) => subject === 'one').map(({ problem }) => problem);
    equal(problems, ['gave the levy more or less than its part']);
  }),
  ledgerCase('canaries are paid out of the levy, then by the operator, and never beyond his day', async (scene) => {
    await scene.pay(owner, 10_000n);
    await sell(scene, 'one', 500);
    const spends = spendsOf(scene, 10n);
    equal(await spends.canaryRoom(), 30n);
    equal(await codeOf(spends.begin(canary('dear', 31n))), 'budget');
    await spends.begin(canary('a', 25n));
    equal(await spends.canaryRoom(), 5n, 'what runs is reserved');
    equal(await codeOf(spends.begin(canary('b', 6n))), 'budget');
    for (const units of [23n, 25n]) await spends.end(spendId('a', 0), units);
    const all = await balances(scene.db);
    equal([all.get('levy'), all.get('subsidy'), all.get(channel)], [0n, -3n, 23n]);
    equal(await spends.canaryRoom(), 7n);
    const terms = { now: scene.clock.now(), subsidyMax: 10n };
    equal(await levyStanding(scene.db, terms), { balance: 0n, subsidised: 3n, subsidyMax: 10n });
    await scene.clock.advance(2 * 3_600_000);
    equal(await spends.canaryRoom(), 10n, 'another day');
    equal(await spendsOf(scene).canaryRoom(), 0n, 'an operator who pays nothing himself');
    equal(await findings(scene), []);
  }),
  ledgerCase('what a killed gateway had promised for canaries is taken from the levy once', async (scene, reopen) => {
    await scene.pay(owner, 10_000n);
    await sell(scene, 'one', 500);
    const spends = spendsOf(scene, 100n);
    for (const job of ['a', 'b']) await spends.begin(canary(job, 15n));
    const again = await reopen();
    for (let times = 0; times < 2; times++) await spendsOf(again, 100n).recover(new Map([[channel, 28n]]));
    const all = await balances(again.db);
    equal([all.get('levy'), all.get('subsidy'), all.get(channel)], [0n, -8n, 28n]);
    equal(await spendsOf(again, 100n).canaryRoom(), 92n, 'nothing is reserved any more');
    equal(await findings(again), []);
  }),
  ledgerCase('two gateways that share the books do not spend the levy twice', async (scene, reopen) => {
    await scene.pay(owner, 10_000n);
    await sell(scene, 'one', 500);
    const other = await reopen('b');
    const books = [spendsOf(scene), createSpendBook(other.db, { gateway: 'b', now: other.clock.now })];
    const begun: string[] = [];
    for (const [at, book] of books.entries()) begun.push(await codeOf(book.begin(canary(`job ${at}`, 15n))));
    equal(begun, ['none', 'budget']);
  }),
  ledgerCase('folding moves no balance of the levy', async (scene) => {
    await scene.pay(owner, 10_000n);
    await sell(scene, 'one', 500);
    const spends = spendsOf(scene, 10n);
    await spends.begin(canary('a', 25n));
    await spends.end(spendId('a', 0), 25n);
    const before = [...(await balances(scene.db))].sort();
    const terms = { before: scene.clock.now() + 1, most: 10 };
    equal(await foldJobs(scene.db, terms), 1);
    equal([await foldCanaries(scene.db, terms), await foldCanaries(scene.db, terms)], [2, 0]);
    equal(
      [...(await balances(scene.db))].filter(([account]) => account !== 'held').sort(),
      before.filter(([account]) => account !== 'held'),
    );
    equal(await findings(scene), []);
  }),
];
