import { ok as assert, deepStrictEqual as equal } from 'node:assert/strict';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { errorCode } from '#lib/base/errors.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { seededRandom } from '#lib/base/random.ts';
import { hashOfKey, keyTermsSchema } from '../../relay/api-key.ts';
import { openDatabase, type DatabaseLocation, type LedgerDatabase } from '../../relay/ledger/database.ts';
import { createCreditBook } from '../../relay/ledger/credits.ts';
import { createKeyBook } from '../../relay/ledger/keys.ts';
import { createPermitBook } from '../../relay/ledger/permits.ts';
import { createLease } from '../../relay/ledger/lease.ts';
import { createSessionBook } from '../../relay/ledger/sessions.ts';
import { createIncomeBook, incomeAccount, incomesOf } from '../../relay/ledger/incomes.ts';
import { channelAccount, createSpendBook, spendId } from '../../relay/ledger/spends.ts';
import { createActivity, type JobUsage } from '../../relay/ledger/activity.ts';
import { createAnswerStore } from '../../relay/ledger/answers.ts';
import { checkLedger } from '../../relay/ledger/check.ts';
import { balances, createLedger, walletAccount } from '../../relay/ledger/ledger.ts';

/** What holds of keys and ledger, whichever database they are in. Each case starts with an empty one. */
export interface LedgerCase {
  readonly name: string;
  run(location: DatabaseLocation): Promise<void>;
}

/** A millionth of a credit for each token of a prompt, two for each of an answer. */
const cost = ({ tokensIn, tokensOut }: JobUsage) => BigInt(tokensIn + 2 * tokensOut);
const most = { tokensIn: 10, tokensOut: 20 };
export const owner = '0x00000000000000000000000000000000000000aa';

async function open(location: DatabaseLocation, gateway = 'a') {
  const db = await openDatabase(location);
  const clock = manualClock(Date.parse('2026-11-29T23:00:00Z'));
  const ledger = createLedger({ db, gateway, cost, costOnChain: cost, clock, logger: silentLogger });
  const keys = createKeyBook(db, { now: clock.now, random: seededRandom(gateway.charCodeAt(0)) });
  const credits = createCreditBook(db, { now: clock.now });
  const spends = createSpendBook(db, { gateway, now: clock.now });
  const incomes = createIncomeBook(db, { now: clock.now });
  return {
    db,
    clock,
    ledger,
    keys,
    credits,
    spends,
    incomes,
    /** Buys credits for a wallet, as a payment that has been collected. */
    async pay(address: string, units: bigint, id = 'p') {
      await credits.begin({ id, account: walletAccount(address), units, transfer: '{}', since: 0n });
      await credits.complete(id, '0xabc');
    },
    hold: (job: string, key?: Parameters<typeof ledger.hold>[0]['key']) => ledger.hold({ job, ids: [job], key, most }),
    makeKey: async (terms: object, wallet?: string) => (await keys.create(keyTermsSchema.parse(terms), wallet)).record,
    async close() {
      await ledger.stop();
      await db.destroy();
    },
  };
}

export type Scene = Awaited<ReturnType<typeof open>>;

export const ledgerCase = (
  name: string,
  run: (scene: Scene, reopen: (gateway?: string) => Promise<Scene>) => Promise<void>,
): LedgerCase => ({
  name,
  async run(location) {
    const scenes: Scene[] = [];
    const reopen = async (gateway?: string) => {
      const scene = await open(location, gateway);
      scenes.push(scene);
      return scene;
    };
    try {
      await run(await reopen(), reopen);
      await assertBalanced(scenes[0]!.db);
    } finally {
      for (const scene of scenes) await scene.close();
    }
  },
});

/** Whatever happened, every credit that went somewhere came from somewhere, and only open holds hold any. */
export async function assertBalanced(db: LedgerDatabase): Promise<void> {
  const all = await balances(db);
  equal(
    [...all.values()].reduce((a, b) => a + b, 0n),
    0n,
    'the sum of all accounts',
  );
  const open = await db.selectFrom('open_holds').select('units').execute();
  const held = open.reduce((sum, { units }) => sum + units, 0n);
  equal(all.get('held') ?? 0n, held, 'the credits that are held');
}

export const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'none',
    (error: unknown) => errorCode(error),
  );

const quotaOf = async ({ db }: Scene, keyId: string) =>
  (await db.selectFrom('quota').selectAll().where('key_id', '=', keyId).orderBy('period').execute()).map(
    ({ period, requests, tokens }) => [period, Number(requests), Number(tokens)],
  );

export const ledgerCases: readonly LedgerCase[] = [
  ledgerCase(
    'a job that finished settles what it used, and gives back the rest',
    async ({ ledger, hold, db, clock }) => {
      await hold('job');
      equal(
        [...(await balances(db))].sort(),
        [
          ['guests', -50n],
          ['held', 50n],
        ],
        'while it runs',
      );
      ledger.close({ job: 'job', used: { tokensIn: 4, tokensOut: 3 }, run: undefined });
      await clock.advance(10);
      await ledger.stop();
      equal(
        [...(await balances(db))].sort(),
        [
          ['guests', -10n],
          ['held', 0n],
          ['work', 10n],
        ],
        'at the end',
      );
    },
  ),
  ledgerCase('what a channel promises a hub is booked to the total, whatever was left out', async (scene, reopen) => {
    const [one, two] = [incomeAccount(31_337, '0xa'), incomeAccount(31_337, '0xb')];
    for (const total of [5n, 5n, 3n]) await scene.incomes.note(one, total);
    await Promise.all([scene.incomes.note(two, 4n), scene.incomes.note(two, 4n)]);
    const { incomes, db } = await reopen('a');
    await incomes.note(one, 12n);
    equal(
      [...(await balances(db))].sort(),
      [
        [one, -12n],
        [two, -4n],
        ['work', 16n],
      ],
      'balances',
    );
    equal(
      [...(await incomesOf(db))].sort().map(([, units]) => units),
      [12n, 4n],
      'by channel',
    );
    equal((await checkLedger(db, Date.now())).findings, [], 'findings');
    await db.updateTable('transfers').set({ units: 6n }).where('id', '=', `${one}/12`).execute();
    equal(
      (await checkLedger(db, Date.now())).findings.map(({ subject }) => subject),
      [one],
      'a total that was changed',
    );
  }),
  ledgerCase('what a job pays providers is booked once, out of the work', async ({ ledger, hold, spends, db }) => {
    const account = channelAccount(31_337, '0xc');
    await hold('job');
    for (const number of [0, 1]) await spends.begin({ id: spendId('job', number), job: 'job', account, most: 30n });
    for (const units of [7n, 9n]) await spends.end(spendId('job', 0), units);
    await spends.end(spendId('job', 1), 0n);
    ledger.close({ job: 'job', used: { tokensIn: 4, tokensOut: 3 }, run: undefined });
    await ledger.stop();
    equal(
      [...(await balances(db))].sort(),
      [
        [account, 7n],
        ['guests', -10n],
        ['held', 0n],
        ['work', 3n],
      ],
      'balances',
    );
    equal((await checkLedger(db, Date.now())).findings, [], 'findings');
  }),
  ledgerCase(
    'what a killed gateway had promised is booked by its channels, once, and that of others is left alone',
    async ({ spends, db }, reopen) => {
      const [one, other] = [channelAccount(31_337, '0xc'), channelAccount(31_337, '0xd')];
      for (const [id, account] of [
        ['a', one],
        ['b', one],
        ['c', other],
      ] as const) {
        await spends.begin({ id: spendId(id, 0), job: id, account, most: 30n });
      }
      await (await reopen('b')).spends.begin({ id: 'elsewhere/spend/0', job: 'elsewhere', account: one, most: 30n });
      await spends.end(spendId('c', 0), 5n);
      const { spends: again } = await reopen();
      const promised = new Map([
        [one, 41n],
        // A promise that no job counts.
        [other, 9n],
      ]);
      equal(await again.recover(promised), 2, 'left open');
      equal(await again.recover(promised), 0, 'left open the second time');
      const rows = await db.selectFrom('transfers').select(['job', 'credit', 'units']).orderBy('id').execute();
      equal(
        rows.map(({ job, credit, units }) => [job, credit, units]),
        [
          ['a', one, 30n],
          ['b', one, 11n],
          ['c', other, 5n],
          [other, other, 4n],
        ],
        'transfers',
      );
      equal((await db.selectFrom('open_spends').select('job').execute()).length, 1, 'of the other gateway');
    },
  ),
  ledgerCase(
    'a job that pays more than was held from its wallet is found',
    async ({ spends, pay, makeKey, hold, db }) => {
      await pay(owner, 100n);
      await hold('job', await makeKey({}, owner));
      await spends.begin({ id: spendId('job', 0), job: 'job', account: channelAccount(1, '0xc'), most: 60n });
      await spends.end(spendId('job', 0), 50n);
      equal(
        (await checkLedger(db, Date.now())).findings.filter(({ subject }) => subject === 'job'),
        [],
        'all of it',
      );
      await spends.begin({ id: spendId('job', 1), job: 'job', account: channelAccount(1, '0xc'), most: 60n });
      await spends.end(spendId('job', 1), 1n);
      const { findings } = await checkLedger(db, Date.now());
      assert(findings.some(({ problem }) => problem === 'paid providers more than was held from its caller'));
    },
  ),
  ledgerCase('a job that failed costs nothing', async ({ ledger, hold, db }) => {
    await hold('job');
    ledger.close({ job: 'job', used: undefined, run: undefined });
    await ledger.stop();
    equal(
      [...(await balances(db))].sort(),
      [
        ['guests', 0n],
        ['held', 0n],
      ],
      'balances',
    );
  }),
  ledgerCase('nothing is held, settled or released twice', async ({ ledger, hold, db }) => {
    await hold('job');
    await hold('job');
    for (const used of [most, undefined, { tokensIn: 1, tokensOut: 1 }])
      ledger.close({ job: 'job', used, run: undefined });
    await ledger.stop();
    ledger.close({ job: 'job', used: undefined, run: undefined });
    ledger.close({ job: 'never held', used: most, run: undefined });
    await ledger.stop();
    const types = (await db.selectFrom('transfers').select('type').orderBy('type').execute()).map(({ type }) => type);
    equal(types, ['hold', 'settle'], 'transfers');
  }),
  ledgerCase('a job never costs more than was held for it', async ({ ledger, hold, db }) => {
    await hold('job');
    ledger.close({ job: 'job', used: { tokensIn: 1_000, tokensOut: 1_000 }, run: undefined });
    await ledger.stop();
    equal((await balances(db)).get('work'), 50n, 'settled');
  }),
  ledgerCase(
    'what was left open is settled by its record or released, and by its own gateway',
    async (scene, reopen) => {
      for (const job of ['recorded', 'unknown']) await scene.hold(job);
      const other = await reopen('b');
      await other.hold('of another');
      const again = await reopen('a');
      const recorded = async (ids: readonly string[]) =>
        ids.includes('recorded') ? { tokensIn: 1, tokensOut: 1 } : undefined;
      equal(await again.ledger.recover(recorded), 2, 'recovered');
      equal(await again.ledger.recover(recorded), 0, 'recovered again');
      // The process that was thought dead was not: its word comes late and changes nothing.
      scene.ledger.close({ job: 'unknown', used: most, run: undefined });
      await scene.ledger.stop();
      const closed = await scene.db
        .selectFrom('transfers')
        .select(['id', 'type'])
        .where('type', '<>', 'hold')
        .execute();
      equal(
        closed.map(({ id, type }) => `${id} ${type}`).sort(),
        ['recorded/close settle', 'recorded/rest rest', 'unknown/close release'],
        'closings',
      );
      const open = await scene.db.selectFrom('open_holds').select('job').execute();
      equal(
        open.map(({ job }) => job),
        ['of another'],
        'open',
      );
    },
  ),
  ledgerCase(
    'what a gateway that is gone has left is released by another, and nothing of one that lives',
    async (scene, reopen) => {
      const [gone, living, watching] = [scene, await reopen('b'), await reopen('c')];
      const lease = ({ db, clock, ledger }: Scene, gateway: string) => {
        const release = (job: string) => ledger.close({ job, used: undefined, run: undefined });
        return createLease({ db, gateway, release, clock, logger: silentLogger });
      };
      const leases = [lease(gone, 'a'), lease(living, 'b'), lease(watching, 'c')];
      for (const one of leases) await one.start();
      await gone.hold('of the one that is gone');
      await living.hold('of the one that lives');
      const claim = (name: string) => ({ name, bodyHash: 'b', expiresAt: gone.clock.now() + 600_000 });
      const stores = ['a', 'b', 'c'].map((gateway) => createAnswerStore(gone.db, { gateway, now: gone.clock.now }));
      await stores[0]!.claim(claim('n'));
      await stores[1]!.claim(claim('m'));
      leases[0]!.stop();
      const open = async () => (await gone.db.selectFrom('open_holds').select('job').orderBy('job').execute()).length;
      const until = async (holds: () => Promise<boolean>) => {
        // The database answers in its own time, whatever the clock says.
        while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5));
      };
      for (let passedMs = 0; passedMs < 70_000; passedMs += 10_000) {
        if (passedMs < 60_000) equal(await open(), 2, 'while it may only be slow');
        for (const { clock } of [living, watching]) {
          await until(async () => Number.isFinite(clock.nextDueMs));
          await clock.advance(10_000);
        }
      }
      await until(async () => (await watching.clock.advance(10), await open()) === 1);
      await until(async () => (await stores[2]!.claim(claim('n'))).type === 'claimed');
      equal((await stores[2]!.claim(claim('m'))).type, 'running', 'the claim of the one that lives');
      for (const one of leases) one.stop();
    },
  ),
  ledgerCase('a thousand at once are all written, in few batches', async ({ ledger, hold, db }) => {
    const jobs = Array.from({ length: 1_000 }, (_, i) => `job ${i}`);
    await Promise.all(jobs.map((job) => hold(job)));
    for (const job of jobs) ledger.close({ job, used: { tokensIn: 1, tokensOut: 0 }, run: undefined });
    await ledger.stop();
    equal((await balances(db)).get('work'), 1_000n, 'settled');
  }),
  ledgerCase('a cap of requests holds, counting what runs, and not what failed', async (scene) => {
    const key = await scene.makeKey({ caps: { requestsPerDay: 2 } });
    await scene.hold('1', key);
    await scene.hold('2', key);
    equal(await codeOf(scene.hold('3', key)), 'insufficient-quota', 'a third');
    scene.ledger.close({ job: '1', used: undefined, run: undefined });
    await scene.ledger.stop();
    await scene.hold('4', key);
    equal(await codeOf(scene.hold('5', key)), 'insufficient-quota', 'a fifth');
    const refused = (await scene.db.selectFrom('transfers').select('job').execute()).map(({ job }) => job).sort();
    equal(refused, ['1', '1', '2', '4'], 'no trace of what was refused');
  }),
  ledgerCase('a cap of a day begins anew at midnight UTC, one in all does not', async (scene) => {
    const daily = await scene.makeKey({ caps: { requestsPerDay: 1 } });
    const once = await scene.makeKey({ caps: { requestsTotal: 1 } });
    await scene.hold('1', daily);
    await scene.hold('2', once);
    const error = await scene.hold('3', daily).catch((thrown: { details: object }) => thrown);
    equal((error as { details: object }).details, { retryAfterMs: 3_600_000 }, 'when to try again');
    await scene.clock.advance(3_600_000);
    await scene.hold('4', daily);
    const never = await scene.hold('5', once).catch((thrown: { details: object }) => thrown);
    equal((never as { details: object }).details, {}, 'no time to try again');
  }),
  ledgerCase('a cap of tokens counts the most a job may use, then what it used', async (scene) => {
    const key = await scene.makeKey({ caps: { tokensPerDay: 40, tokensTotal: 1_000 } });
    await scene.hold('1', key);
    equal(await codeOf(scene.hold('2', key)), 'insufficient-quota', 'too much while the first runs');
    scene.ledger.close({ job: '1', used: { tokensIn: 2, tokensOut: 3 }, run: undefined });
    await scene.ledger.stop();
    await scene.hold('3', key);
    scene.ledger.close({ job: '3', used: undefined, run: undefined });
    await scene.ledger.stop();
    equal(
      await quotaOf(scene, key.id),
      [
        ['2026-11-29', 1, 5],
        ['total', 1, 5],
      ],
      'counts',
    );
  }),
  ledgerCase('requests at once do not exceed a cap together', async (scene) => {
    const key = await scene.makeKey({ caps: { requestsTotal: 5 } });
    const codes = await Promise.all(Array.from({ length: 50 }, (_, i) => codeOf(scene.hold(`${i}`, key))));
    equal(codes.filter((code) => code === 'none').length, 5, 'admitted');
  }),
  ledgerCase('the credits of a key are those of the wallet that made it', async (scene) => {
    await scene.pay(owner, 100n);
    await scene.hold('1', await scene.makeKey({}, owner));
    await scene.hold('2', await scene.makeKey({}));
    equal([...(await balances(scene.db)).keys()].sort(), ['chain', 'held', 'operator', `wallet ${owner}`], 'accounts');
  }),
  ledgerCase('a wallet spends what it has paid for and no more, however many ask at once', async (scene) => {
    const key = await scene.makeKey({}, owner);
    equal(await codeOf(scene.hold('before', key)), 'insufficient-credits', 'before it has paid');
    await scene.pay(owner, 120n);
    const codes = await Promise.all(['1', '2', '3'].map((job) => codeOf(scene.hold(job, key))));
    equal(codes.toSorted(), ['insufficient-credits', 'none', 'none'], 'holds');
    equal(await scene.credits.balance(walletAccount(owner)), { units: 20n, held: 100n }, 'while they run');
    const [first, second] = ['1', '2', '3'].filter((_, index) => codes[index] === 'none');
    scene.ledger.close({ job: first!, used: { tokensIn: 10, tokensOut: 5 }, run: undefined });
    scene.ledger.close({ job: second!, used: undefined, run: undefined });
    await scene.ledger.stop();
    equal(await scene.credits.balance(walletAccount(owner)), { units: 100n, held: 0n }, 'after them');
    equal((await checkLedger(scene.db, 0)).findings, [], 'findings');
  }),
  ledgerCase('a stranger’s wallet pays for a job without a key', async (scene) => {
    await scene.pay(owner, 60n);
    await scene.ledger.hold({ job: '1', ids: ['1'], key: undefined, payer: owner, most });
    equal(await scene.credits.balance(walletAccount(owner)), { units: 10n, held: 50n }, 'balance');
  }),
  ledgerCase('what a cap refuses costs nothing', async (scene) => {
    const key = await scene.makeKey({ caps: { requestsTotal: 1 } }, owner);
    await scene.pay(owner, 120n);
    await scene.hold('1', key);
    equal(await codeOf(scene.hold('2', key)), 'insufficient-quota', 'the second');
    equal(await scene.credits.balance(walletAccount(owner)), { units: 70n, held: 50n }, 'balance');
  }),
  ledgerCase(
    'a plan is a budget by the calendar month, counting what runs, and nothing is carried over',
    async (scene) => {
      const key = await scene.makeKey({ caps: { creditsPerMonth: 1 } });
      const dear = { tokensIn: 200_000, tokensOut: 200_000 };
      const hold = (job: string) => scene.ledger.hold({ job, ids: [job], key, most: dear });
      await hold('1');
      const refused = await hold('2').catch((thrown: { details: object; message: string }) => thrown);
      equal((refused as { details: object }).details, { retryAfterMs: 25 * 3_600_000 }, 'the first of December');
      equal(/has 0\.4 credits of its plan left/.test((refused as { message: string }).message), true, 'what is left');
      void scene.ledger.close({ job: '1', used: { tokensIn: 100_000, tokensOut: 100_000 }, run: undefined });
      await scene.ledger.stop();
      equal((await scene.keys.usage(key.id)).unitsThisMonth, 300_000n, 'what it came to');
      await hold('3');
      void scene.ledger.close({ job: '3', used: undefined, run: undefined });
      await scene.ledger.stop();
      const { requestsToday, tokensToday, unitsThisMonth } = await scene.keys.usage(key.id);
      equal([requestsToday, tokensToday, unitsThisMonth], [1, 200_000, 300_000n], 'one that failed costs nothing');
      await scene.clock.advance(25 * 3_600_000);
      equal((await scene.keys.usage(key.id)).unitsThisMonth, 0n, 'anew');
      await hold('4');
      equal(await codeOf(hold('5')), 'insufficient-quota', 'what was left of November is gone');
    },
  ),
  ledgerCase('a fixed price is paid for whatever was used, and not for what failed', async (scene) => {
    await scene.pay(owner, 100n);
    const hold = (job: string) => scene.ledger.hold({ job, ids: [job], key: undefined, payer: owner, most, price: 7n });
    for (const job of ['1', '2']) await hold(job);
    void scene.ledger.close({ job: '1', used: { tokensIn: 1, tokensOut: 1 }, run: undefined });
    void scene.ledger.close({ job: '2', used: undefined, run: undefined });
    await scene.ledger.stop();
    equal(await scene.credits.balance(walletAccount(owner)), { units: 93n, held: 0n }, 'balance');
    equal((await checkLedger(scene.db, 0)).findings, [], 'findings');
  }),
  ledgerCase('what a cap refuses is not counted against a plan', async (scene) => {
    const key = await scene.makeKey({ caps: { creditsPerMonth: 1, requestsTotal: 1 } });
    await scene.hold('1', key);
    equal(await codeOf(scene.hold('2', key)), 'insufficient-quota', 'the second');
    equal((await scene.keys.usage(key.id)).unitsThisMonth, 50n, 'the first alone');
  }),
  ledgerCase('a payment is credited once, and one that was not collected never', async ({ credits, db }) => {
    const purchase = { id: 'p', account: walletAccount(owner), units: 7n, transfer: '{}', since: 3n };
    const begun = await Promise.all(Array.from({ length: 5 }, () => credits.begin(purchase)));
    equal(begun.filter(({ isNew }) => isNew).length, 1, 'new');
    equal(
      (await credits.pending(9)).map(({ id, since }) => [id, since]),
      [['p', 3n]],
      'pending',
    );
    await Promise.all([credits.complete('p', '0x1'), credits.complete('p', '0x1'), credits.complete('none', '0x2')]);
    await credits.drop('p');
    equal(await credits.balance(walletAccount(owner)), { units: 7n, held: 0n }, 'balance');
    equal((await credits.begin({ ...purchase, units: 9n })).row.units, 7n, 'begun again');
    await credits.begin({ ...purchase, id: 'q' });
    await credits.drop('q');
    await credits.complete('q', '0x3');
    equal(await credits.balance(walletAccount(owner)), { units: 7n, held: 0n }, 'after one that was dropped');
    equal((await checkLedger(db, 0)).findings, [], 'findings');
  }),
  ledgerCase('a permit pays one job, by what it came to, and the books say what was collected', async (scene) => {
    const { db, ledger, clock } = scene;
    const permits = createPermitBook(db, { now: clock.now });
    for (const id of ['a', 'b', 'c']) equal(await permits.begin({ id, permit: '{}', since: 1n }), true, 'written down');
    equal(await permits.begin({ id: 'a', permit: '{}', since: 1n }), false, 'written down again');
    const standing = async (prefix: string) => (await permits.standing(prefix)).map(({ id }) => id).toSorted();
    for (const id of ['of/1', 'of/2', 'other/1']) await permits.begin({ id, permit: '{}', since: 1n });
    equal(await standing('of/'), ['of/1', 'of/2'], 'of one payer');
    await permits.forget('of/1');
    equal(await standing('of/'), ['of/2'], 'without one that was forgotten');
    await clock.advance(61_000);
    equal(await standing('o'), [], 'that never came to a job');
    const hold = (job: string, permit: string) => ledger.hold({ job, ids: [job], key: undefined, permit, most });
    for (const id of ['a', 'b', 'c']) await hold(`of ${id}`, id);
    equal(await codeOf(hold('another', 'a')), 'payment-required', 'a permit that pays a job already');
    equal(await codeOf(hold('of none', 'none')), 'payment-required', 'a permit that is not known');
    await permits.lost('a');
    await permits.forget('a');
    equal(await standing('a'), ['a'], 'of a job that runs');
    equal(await permits.due(9), [], 'while they run');
    ledger.close({ job: 'of a', used: { tokensIn: 4, tokensOut: 3 }, run: undefined });
    ledger.close({ job: 'of b', used: { tokensIn: 1, tokensOut: 0 }, run: undefined });
    ledger.close({ job: 'of c', used: undefined, run: undefined });
    await ledger.stop();
    equal(
      (await permits.due(9)).map(({ id, units }) => [id, units]),
      [
        ['a', 10n],
        ['b', 1n],
      ],
      'due',
    );
    equal((await permits.find('c'))?.state, 'void', 'one whose job failed');
    equal((await balances(db)).get('promised'), -11n, 'what is owed');
    await Promise.all([permits.collected('a', '0x1'), permits.collected('a', '0x1'), permits.lost('b')]);
    await permits.lost('a');
    equal(await standing('a'), [], 'of what was collected');
    equal(
      [...(await balances(db))].sort(),
      [
        ['chain', -10n],
        ['held', 0n],
        ['losses', -1n],
        ['promised', 0n],
        ['work', 11n],
      ],
      'at the end',
    );
    equal((await checkLedger(db, 0)).findings, [], 'findings');
  }),
  ledgerCase('what was done is told by hour and model, and job by job', async ({ ledger, hold, db, clock }) => {
    const run = { model: 'm', kind: 'chat', peer: 'p', outcome: 'finished', ms: 12.4 } as const;
    const end = async (job: string, used: JobUsage | undefined, more: object = {}) => {
      await hold(job);
      ledger.close({ job, used, run: { ...run, ...more } });
      await clock.advance(1_800_000);
    };
    await end('1', { tokensIn: 1, tokensOut: 2 });
    await end('2', { tokensIn: 3, tokensOut: 4 });
    await end('3', undefined, { outcome: 'failed', peer: undefined });
    await end('4', { tokensIn: 5, tokensOut: 6 }, { model: 'other' });
    await ledger.stop();
    const activity = createActivity(db);
    const hour = Date.parse('2026-11-29T23:00:00Z');
    const row = (
      index: number,
      model: string,
      jobs: number,
      finished: number,
      tokensIn: number,
      tokensOut: number,
    ) => ({
      hour: hour + index * 3_600_000,
      model,
      jobs,
      finished,
      tokensIn,
      tokensOut,
    });
    const later = [row(1, 'm', 1, 0, 0, 0), row(1, 'other', 1, 1, 5, 6)];
    equal(await activity.hours(hour + 1), [row(0, 'm', 2, 2, 4, 6), ...later], 'hours');
    equal(await activity.hours(hour + 3_600_000), later, 'hours from the second on');
    const [newest, failed] = await activity.recent(2);
    equal([newest!.job, newest!.model, newest!.ms], ['4', 'other', 12], 'the newest');
    equal(
      [failed!.job, failed!.outcome, failed!.peer, failed!.tokensIn],
      ['3', 'failed', undefined, 0],
      'the one before',
    );
  }),
  ledgerCase('an answer under a key is claimed once, kept, and then forgotten', async ({ db, clock }) => {
    const [here, there] = ['a', 'b'].map((gateway) => createAnswerStore(db, { gateway, now: clock.now }));
    const claim = (bodyHash = 'body') => ({ name: 'n', bodyHash, expiresAt: clock.now() + 1_000 });
    equal(await here!.claim(claim()), { type: 'claimed' }, 'the first');
    equal(await there!.claim(claim()), { type: 'running' }, 'elsewhere, while it runs');
    equal(await there!.claim(claim('another')), { type: 'other-body' }, 'another body');
    await there!.release('n');
    equal(await there!.claim(claim()), { type: 'running' }, 'released by another than its gateway');
    await here!.release('n');
    equal(await there!.claim(claim()), { type: 'claimed' }, 'after it was given back');
    const answer = { ids: ['x', 'y'], events: [{ text: 'whole', units: 5n, bytes: Uint8Array.of(1, 2) }] };
    await here!.save('n', { ids: [], events: ['of another gateway'] });
    await there!.save('n', answer);
    equal(await here!.claim(claim()), { type: 'answered', answer }, 'once it is answered');
    equal(await here!.claim(claim('another')), { type: 'other-body' }, 'another body then');
    await clock.advance(1_000);
    equal(await here!.claim(claim()), { type: 'claimed' }, 'when its time is over');
  }),
  ledgerCase('an answer that is too large is not kept, and runs again', async ({ db, clock }) => {
    const store = createAnswerStore(db, { gateway: 'a', now: clock.now });
    const claim = { name: 'n', bodyHash: 'b', expiresAt: clock.now() + 1_000 };
    await store.claim(claim);
    await store.save('n', { ids: [], events: ['x'.repeat(2_000_000)] });
    equal(await store.claim(claim), { type: 'claimed' }, 'claimed anew');
  }),
  ledgerCase('keys are found by their hash, and stored as nothing else', async ({ keys, db }) => {
    const terms = keyTermsSchema.parse({ name: 'ci', models: ['m'], expiresAt: 5, caps: { tokensTotal: 7 } });
    const { key, record } = await keys.create(terms, owner);
    assert(/^sk_[\w-]{43}$/.test(key), 'its form');
    equal(await keys.find(hashOfKey(key)), record, 'the key');
    equal(await keys.find(hashOfKey(`${key}x`)), undefined, 'another');
    const stored = JSON.stringify(await db.selectFrom('keys').selectAll().execute(), (_, value) =>
      typeof value === 'bigint' ? Number(value) : value,
    );
    assert(!stored.includes(key.slice(3)), 'the key itself is stored');
  }),
  ledgerCase('a nonce serves once, for ten minutes', async ({ db, clock }) => {
    const sessions = createSessionBook(db, { now: clock.now, random: seededRandom(1) });
    const { nonce, expiresAt } = await sessions.drawNonce();
    const late = await sessions.drawNonce();
    equal(expiresAt, clock.now() + 600_000, 'expiry');
    equal([await sessions.useNonce(nonce), await sessions.useNonce(nonce)], [true, false], 'twice');
    equal(await sessions.useNonce('another'), false, 'of another');
    await clock.advance(600_000);
    equal(await sessions.useNonce(late.nonce), false, 'too late');
  }),
  ledgerCase('a session names its wallet until it ends, and its token is not stored', async ({ db, clock }) => {
    const sessions = createSessionBook(db, { now: clock.now, random: seededRandom(1) });
    const [first, second] = [await sessions.open(owner), await sessions.open(owner)];
    equal([await sessions.find(first.token), await sessions.find(`${first.token}x`)], [owner, undefined], 'found');
    const stored = (await db.selectFrom('sessions').select('hash').execute()).map(({ hash }) => hash).join();
    assert(!stored.includes(first.token.slice(3)), 'the token is stored');
    await sessions.end(first.token);
    equal([await sessions.find(first.token), await sessions.find(second.token)], [undefined, owner], 'after one ended');
    await clock.advance(12 * 3_600_000);
    equal(await sessions.find(second.token), undefined, 'after its time');
  }),
  ledgerCase('a wallet sees and revokes its own keys, the operator all', async ({ keys, makeKey }) => {
    const [mine, operators] = [await makeKey({ name: 'mine' }, owner), await makeKey({})];
    equal(
      (await keys.list(owner)).map(({ id }) => id),
      [mine.id],
      'listed to the wallet',
    );
    equal((await keys.list(undefined)).map(({ id }) => id).sort(), [mine.id, operators.id].sort(), 'to the operator');
    equal(await keys.revoke(operators.id, owner), false, 'of another');
    equal([await keys.revoke(mine.id, owner), await keys.revoke(mine.id, undefined)], [true, true], 'its own, twice');
    const states = (await keys.list(undefined)).map(({ id, revokedAt }) => [id === mine.id, revokedAt !== undefined]);
    assert(
      states.every(([isMine, isRevoked]) => isMine === isRevoked),
      'which were revoked',
    );
  }),
  ledgerCase('a wallet has at most a hundred keys that were not revoked', async ({ keys, makeKey }) => {
    const first = await makeKey({}, owner);
    for (let i = 1; i < 100; i++) await makeKey({}, owner);
    equal(await codeOf(makeKey({}, owner)), 'too-many-keys', 'one more');
    await keys.revoke(first.id, owner);
    await makeKey({}, owner);
  }),
  ledgerCase('origins are known while some key that names them is valid', async ({ keys, makeKey }) => {
    const terms = { type: 'publishable', origins: ['https://a.example'], caps: { requestsPerDay: 1 } };
    const both = [await makeKey(terms), await makeKey(terms)];
    equal(await keys.hasOrigin('https://a.example'), true, 'with two keys');
    equal(await keys.hasOrigin('https://b.example'), false, 'another');
    for (const { id } of both) await keys.revoke(id, undefined);
    equal(await keys.hasOrigin('https://a.example'), false, 'with none');
  }),
];
