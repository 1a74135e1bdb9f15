import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { checkLedger } from '../../../relay/ledger/check.ts';
import { createCreditBook } from '../../../relay/ledger/credits.ts';
import { createAnswerStore } from '../../../relay/ledger/answers.ts';
import { openDatabase } from '../../../relay/ledger/database.ts';
import { balances, createLedger, walletAccount } from '../../../relay/ledger/ledger.ts';
import { channelAccount, createSpendBook } from '../../../relay/ledger/spends.ts';
import { assertBalanced } from '../../compliance/ledger.ts';

const program = fileURLToPath(new URL('./crash.process.ts', import.meta.url));
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabloom-crash-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const play = (file: string, killAt: number, side: 'before' | 'after') => {
  const { stdout, stderr, signal } = spawnSync(process.execPath, [program, file, String(killAt), side], {
    encoding: 'utf8',
  });
  if (signal === null && !stdout.includes('written ')) throw new Error(stderr);
  return { lines: stdout.split('\n'), killed: signal === 'SIGKILL' };
};

/** What the worker has signed for, of the jobs that had begun: the second answer's receipt, not the first's. */
const recorded = async (ids: readonly string[]) => (ids.includes('two') ? { tokensIn: 3, tokensOut: 1 } : undefined);

test(
  'a process that is killed at any write loses nothing and settles nothing twice',
  { timeout: 240_000 },
  async () => {
    const whole = play(join(folder, 'whole.db'), 0, 'before');
    const writes = Number(/^written (\d+)$/m.exec(whole.lines.join('\n'))![1]);
    expect(writes).toBeGreaterThan(15);
    for (let killAt = 1; killAt <= writes; killAt++) {
      // After the last statement of all; each other one is followed by the next.
      for (const side of killAt === writes ? (['before', 'after'] as const) : (['before'] as const)) {
        const file = join(folder, `${killAt}-${side}.db`);
        const { lines, killed } = play(file, killAt, side);
        const context = lines.join(', ');
        expect(killed, context).toBe(true);

        const db = await openDatabase({ file });
        const clock = manualClock(Date.parse('2026-11-29T12:01:00Z'));
        const ledger = createLedger({
          db,
          gateway: 'a',
          cost: () => 10n,
          costOnChain: () => 10n,
          clock,
          logger: silentLogger,
        });
        await assertBalanced(db);
        await ledger.recover(recorded);
        await ledger.recover(recorded);
        const spends = createSpendBook(db, { gateway: 'a', now: clock.now });
        const account = channelAccount(1, '0xc');
        const promised = lines.includes('promised') ? 4n : 0n;
        for (let times = 0; times < 2; times++) await spends.recover(new Map([[account, promised]]));
        await assertBalanced(db);
        expect((await checkLedger(db, clock.now())).findings, context).toEqual([]);
        const credits = createCreditBook(db, { now: clock.now });
        const [pending] = await credits.pending(9);
        // Whoever collected it writes so again, once it is back.
        if (pending) await credits.complete('p', '0x1');
        const { units: left } = await credits.balance(walletAccount('0x00000000000000000000000000000000000000aa'));
        const transfers = await db.selectFrom('transfers').select(['job', 'type']).execute();
        const closings = (job: string) =>
          transfers.filter((one) => one.job === job && one.type !== 'hold' && one.type !== 'spend');
        for (const job of ['one', 'two']) {
          const held = transfers.some((one) => one.job === job && one.type === 'hold');
          expect(closings(job), context).toHaveLength(held ? 1 : 0);
          if (lines.includes(`held ${job}`)) expect(held, context).toBe(true);
          if (lines.includes(`closed ${job}`)) expect(closings(job)[0]!.type, context).toBe('settle');
          if (job === 'two' && held) expect(closings(job)[0]!.type, context).toBe('settle');
        }
        const settled = transfers.filter(({ type }) => type === 'settle').length;
        const all = await balances(db);
        expect(all.get(account) ?? 0n, context).toBe(promised);
        expect(all.get('work') ?? 0n, context).toBe(BigInt(10 * settled) - promised);
        const [quota] = await db.selectFrom('quota').selectAll().where('period', '=', 'total').execute();
        const begun = pending !== undefined || lines.includes('paid') || lines.includes('held one') || left > 0n;
        if (lines.includes('begun')) expect(begun, context).toBe(true);
        expect(left, context).toBe(begun ? 30n - BigInt(10 * settled) : 0n);
        expect([quota?.requests ?? 0n, quota?.tokens ?? 0n], context).toEqual([BigInt(settled), BigInt(4 * settled)]);
        // The key is free, or holds the answer; never a claim that no one works on.
        const answers = createAnswerStore(db, { gateway: 'a', now: () => Date.parse('2026-11-29T12:00:00Z') });
        const claimed = await answers.claim({ name: 'n', bodyHash: 'b', expiresAt: clock.now() });
        expect(['claimed', 'answered'], context).toContain(claimed.type);
        if (lines.includes('closed two')) {
          expect(claimed).toEqual({ type: 'answered', answer: { ids: ['two'], events: ['an answer'] } });
        }
        await ledger.stop();
        await db.destroy();
      }
    }
  },
);
