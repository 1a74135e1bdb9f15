import { ok as assert, deepStrictEqual as equal } from 'node:assert/strict';
import { silentLogger } from '#lib/base/logger.ts';
import { createActivity, type JobUsage } from '../../relay/ledger/activity.ts';
import { checkLedger } from '../../relay/ledger/check.ts';
import { balances } from '../../relay/ledger/ledger.ts';
import { channelAccount, spendId } from '../../relay/ledger/spends.ts';
import { createUpkeep, cutoffOf, foldJobs, forgetCounts } from '../../relay/ledger/upkeep.ts';
import { codeOf, ledgerCase, owner, type LedgerCase, type Scene } from './ledger.ts';

const dayMs = 86_400_000;
const run = { model: 'm', kind: 'chat', peer: 'p', ms: 1 } as const;

/** Jobs of two accounts and of all outcomes on each of three days, and one that is open from the first on. */
async function threeDays(scene: Scene): Promise<void> {
  const wallet = await scene.makeKey({}, owner);
  await scene.pay(owner, 1_000n);
  const end = async (job: string, used: JobUsage | undefined, key?: typeof wallet) => {
    await scene.hold(job, key);
    scene.ledger.close({ job, used, run: { ...run, outcome: used ? 'finished' : 'failed' } });
    await scene.ledger.stop();
  };
  await scene.hold('open');
  for (const day of [29, 30, 31]) {
    await end(`${day} in part`, { tokensIn: 4, tokensOut: 3 });
    await end(`${day} in full`, { tokensIn: 1_000, tokensOut: 0 });
    await end(`${day} of a wallet`, { tokensIn: 1, tokensOut: 1 }, wallet);
    await end(`${day} failed`, undefined);
    await scene.clock.advance(dayMs);
  }
}

const foldAll = async ({ db, clock }: Scene, most = 3): Promise<number> => {
  let all = 0;
  for (let folded = most; folded === most; all += folded) {
    folded = await foldJobs(db, { before: cutoffOf(clock.now(), 1), most });
  }
  return all;
};
const transfersOf = async ({ db }: Scene) =>
  (await db.selectFrom('transfers').selectAll().orderBy('id').execute()).map(
    ({ id, type, debit, credit, units, at }) =>
      `${id} ${type} ${debit} > ${credit} ${units} ${new Date(Number(at)).toISOString().slice(0, 10)}`,
  );
const problemsOf = async ({ db }: Scene, now = 0) =>
  (await checkLedger(db, now)).findings.map(({ subject, problem }) => `${subject}: ${problem}`);

/** What keeps the ledger small and says whether it is right, whichever database it is in. */
export const upkeepCases: readonly LedgerCase[] = [
  ledgerCase('days that are long over become one transfer for each account, and no balance changes', async (scene) => {
    await threeDays(scene);
    const activity = createActivity(scene.db);
    const [before, hours] = [await balances(scene.db), await activity.hours(0)];
    // It is the second of December: the first is kept whole, and the days before it are not.
    equal(await foldAll(scene), 8, 'folded');
    equal([...(await balances(scene.db))].sort(), [...before].sort(), 'balances');
    equal(await activity.hours(0), hours, 'activity');
    equal(
      (await activity.recent(9)).map(({ job }) => job).sort(),
      ['31 failed', '31 in full', '31 in part', '31 of a wallet'],
      'told',
    );
    const left = await transfersOf(scene);
    const kept = left.filter((one) => one.startsWith('31 '));
    equal(kept.length, 10, 'transfers of the day that is kept');
    equal(
      left.filter((one) => !kept.includes(one)),
      [
        'open/open hold guests > held 50 2026-11-29',
        'opening/2026-11-29/guests opening guests > work 60 2026-11-29',
        `opening/2026-11-29/wallet ${owner} opening wallet ${owner} > work 3 2026-11-29`,
        'opening/2026-11-30/guests opening guests > work 60 2026-11-30',
        `opening/2026-11-30/wallet ${owner} opening wallet ${owner} > work 3 2026-11-30`,
        `purchase/p purchase chain > wallet ${owner} 1000 2026-11-29`,
      ],
      'the rest',
    );
    equal(await problemsOf(scene), [], 'problems');
    equal(await foldAll(scene), 0, 'folded again');
  }),
  ledgerCase('what was paid to providers is folded with its job', async (scene) => {
    const account = channelAccount(31_337, '0xc');
    await threeDays(scene);
    for (const [job, number] of [
      ['29 in part', 0],
      ['29 in part', 1],
      ['29 in full', 0],
    ] as const) {
      const id = spendId(job, number);
      await scene.spends.begin({ id, job, account, most: 9n });
      await scene.spends.end(id, 2n);
    }
    const before = await balances(scene.db);
    await foldAll(scene);
    equal([...(await balances(scene.db))].sort(), [...before].sort(), 'balances');
    const left = (await transfersOf(scene)).filter((one) => one.includes(account));
    equal(left, [`opening/2026-11-29/${account} opening work > ${account} 6 2026-11-29`], 'of the channel');
    equal(await problemsOf(scene), [], 'problems');
  }),
  ledgerCase('a job is over for good when it is folded', async (scene) => {
    await threeDays(scene);
    await foldAll(scene);
    const before = await transfersOf(scene);
    scene.ledger.close({ job: '29 in part', used: { tokensIn: 1, tokensOut: 1 }, run: undefined });
    await scene.ledger.stop();
    equal(await transfersOf(scene), before, 'transfers');
  }),
  ledgerCase(
    'what keys used on days and in months that are over is forgotten, and the sum of all time is not',
    async (scene) => {
      const { db } = scene;
      const count = { key_id: 'k', requests: 1n, tokens: 2n };
      const days = ['2026-10-01', '2026-10-02', '2026-11-23', '2026-11-24', 'total'];
      await db
        .insertInto('quota')
        .values(days.map((period) => ({ ...count, period })))
        .execute();
      const months = ['2026-09', '2026-10', '2026-11'];
      await db
        .insertInto('spending')
        .values(months.map((month) => ({ key_id: 'k', month, units: 1n })))
        .execute();
      const now = Date.parse('2026-12-01T01:00:00Z');
      let rounds = 0;
      while (await forgetCounts(db, now)) rounds++;
      equal(rounds, 3, 'one period after the other');
      const left = await db.selectFrom('quota').select('period').orderBy('period').execute();
      equal(
        left.map(({ period }) => period),
        ['2026-11-24', 'total'],
        'days',
      );
      const kept = await db.selectFrom('spending').select('month').orderBy('month').execute();
      equal(
        kept.map(({ month }) => month),
        ['2026-11'],
        'months',
      );
    },
  ),
  ledgerCase('it is done by itself, a minute after the start and each hour', async (scene) => {
    const folded: number[] = [];
    const { db, clock } = scene;
    await threeDays(scene);
    const upkeep = createUpkeep({ db, days: 1, clock, logger: silentLogger, onFolded: (jobs) => folded.push(jobs) });
    upkeep.start();
    const runs = async () => (await db.selectFrom('runs').select('job').execute()).length;
    equal(await runs(), 12, 'at first');
    await clock.advance(60_000);
    // The database answers in its own time, whatever the clock says.
    const until = async (jobs: number) => {
      while ((await runs()) !== jobs || !Number.isFinite(clock.nextDueMs))
        await new Promise((resolve) => setTimeout(resolve, 5));
    };
    await until(4);
    await clock.advance(dayMs);
    await until(0);
    await upkeep.stop();
    equal(
      folded.reduce((a, b) => a + b, 0),
      12,
      'folded',
    );
  }),
  ledgerCase('what does not come out even is left as it is, and named', async (scene) => {
    await threeDays(scene);
    const { db } = scene;
    const damaged = async (damage: () => Promise<unknown>, repair: () => Promise<unknown>, problem: RegExp) => {
      await damage();
      assert(
        (await problemsOf(scene)).some((one) => problem.test(one)),
        `${problem} in ${await problemsOf(scene)}`,
      );
      await repair();
      equal(await problemsOf(scene), [], 'once it is repaired');
    };
    const setUnits = (id: string, units: bigint) => () =>
      db.updateTable('transfers').set({ units }).where('id', '=', id).execute();
    await damaged(setUnits('29 in full/close', 49n), setUnits('29 in full/close', 50n), /^29 in full: gives back/);
    await damaged(setUnits('open/open', 49n), setUnits('open/open', 50n), /^open: is open, and what it holds/);
    await damaged(setUnits('29 in full/open', -1n), setUnits('29 in full/open', 50n), /^29 in full: moves less/);
    const holds = await db.selectFrom('open_holds').selectAll().execute();
    await damaged(
      () => db.deleteFrom('open_holds').execute(),
      () => db.insertInto('open_holds').values(holds).execute(),
      /^open: was held and neither settled nor released/,
    );
    const [closing] = await db.selectFrom('transfers').selectAll().where('id', '=', '29 failed/close').execute();
    await damaged(
      () => db.deleteFrom('transfers').where('id', '=', closing!.id).execute(),
      () => db.insertInto('transfers').values(closing!).execute(),
      /^29 failed: is told of as over/,
    );
    await setUnits('30 in full/close', 49n)();
    const before = await transfersOf(scene);
    equal(await codeOf(foldJobs(db, { before: cutoffOf(scene.clock.now(), 1), most: 100 })), 'ledger-unbalanced');
    equal(await transfersOf(scene), before, 'after it was refused');
    await setUnits('30 in full/close', 50n)();
  }),
  ledgerCase('what is open is told by gateway, with the oldest', async (scene, reopen) => {
    await scene.hold('first');
    await scene.clock.advance(1_000);
    await scene.hold('second');
    const other = await reopen('b');
    await other.hold('third');
    const at = Date.parse('2026-11-29T23:00:00Z');
    equal((await checkLedger(scene.db, at)).open, [
      { gateway: 'a', holds: 2, since: at, seenAt: undefined },
      { gateway: 'b', holds: 1, since: at, seenAt: undefined },
    ]);
    const dayLater = at + dayMs;
    equal(await problemsOf(scene, dayLater), [], 'as long as a job may run');
    const [problem] = await problemsOf(scene, dayLater + 1);
    assert(problem?.startsWith('a: has held credits for more than a day'), problem);
  }),
];

/** For databases that several may write at once from one process; of a file, others wait outside the thread. */
export const sharedUpkeepCases: readonly LedgerCase[] = [
  ledgerCase('gateways that fold at once fold each job once', async (scene, reopen) => {
    await threeDays(scene);
    const before = await balances(scene.db);
    const all = [scene, await reopen('b'), await reopen('c')];
    const cutoff = cutoffOf(scene.clock.now(), 1);
    const folded = await Promise.all(
      all.map(async ({ db }) => {
        let jobs = 0;
        for (let round = 0; round < 8; round++) {
          jobs += await foldJobs(db, { before: cutoff, most: 2 }).catch(() => 0);
        }
        return jobs;
      }),
    );
    equal(folded.reduce((a, b) => a + b, 0) + (await foldAll(scene)), 8, 'folded by all together');
    equal([...(await balances(scene.db))].sort(), [...before].sort(), 'balances');
    equal(await problemsOf(scene), [], 'problems');
  }),
];
