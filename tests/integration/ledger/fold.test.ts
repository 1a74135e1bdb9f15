import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkLedger } from '../../../relay/ledger/check.ts';
import { openDatabase } from '../../../relay/ledger/database.ts';

const program = fileURLToPath(new URL('./fold.process.ts', import.meta.url));
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabloom-fold-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const play = (file: string, killAt = 0, side = 'before') => {
  const args = [program, file, String(killAt), side];
  const { stdout, stderr, signal } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (signal === null && !stdout.includes('written ')) throw new Error(stderr);
  return { stdout, signal };
};

const read = async (file: string) => {
  const db = await openDatabase({ file });
  const { balances, findings } = await checkLedger(db, Date.parse('2026-12-01T12:00:00Z'));
  const [transfers, runs, hours] = await Promise.all([
    db.selectFrom('transfers').selectAll().orderBy('id').execute(),
    db.selectFrom('runs').select('job').execute(),
    db.selectFrom('activity').selectAll().execute(),
  ]);
  await db.destroy();
  return { balances: [...balances].toSorted(), findings, transfers, runs, hours };
};

test(
  'a process that is killed at any write of a fold changes no balance, and the next one ends it',
  { timeout: 120_000 },
  async () => {
    const whole = join(folder, 'whole.db');
    const writes = Number(/^written (\d+)$/m.exec(play(whole).stdout)![1]);
    expect(writes).toBeGreaterThan(8);
    const wanted = await read(whole);
    expect(wanted.findings).toEqual([]);
    expect(wanted.runs).toEqual([]);
    expect(wanted.transfers.map(({ id, units }) => [id, units])).toEqual([['opening/2026-11-29/guests', 15n]]);
    for (let killAt = 1; killAt <= writes; killAt++) {
      // After the last statement of all; each other one is followed by the next.
      for (const side of killAt === writes ? ['before', 'after'] : ['before']) {
        const file = join(folder, `${killAt}-${side}.db`);
        const { stdout, signal } = play(file, killAt, side);
        expect(signal, stdout).toBe('SIGKILL');
        const { balances, findings, hours } = await read(file);
        // `held` is at zero while jobs are kept, and not there when none is.
        expect(
          balances.filter(([account]) => account !== 'held'),
          stdout,
        ).toEqual(wanted.balances);
        expect({ findings, hours }, stdout).toEqual({ findings: [], hours: wanted.hours });
        play(file);
        expect(await read(file), stdout).toEqual(wanted);
      }
    }
  },
);
