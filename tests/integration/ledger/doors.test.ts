import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkLedger } from '../../../relay/ledger/check.ts';
import { openDatabase } from '../../../relay/ledger/database.ts';
import { passDoors } from './doors-flow.ts';

const program = fileURLToPath(new URL('./doors.process.ts', import.meta.url));
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabloom-doors-'));
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
  const { balances, findings } = await checkLedger(db, Date.parse('2026-11-29T12:00:00Z'));
  await db.destroy();
  return { balances: [...balances].toSorted(), findings };
};

test(
  'a process that is killed at any write of a permit or an escrow takes and pays nothing twice, and goes on',
  { timeout: 300_000 },
  async () => {
    const whole = join(folder, 'whole.db');
    const writes = Number(/^written (\d+)$/m.exec(play(whole).stdout)![1]);
    expect(writes).toBeGreaterThan(20);
    const wanted = [
      ['chain', -107n],
      ['escrowed', 0n],
      ['held', 0n],
      ['network', 1n],
      ['promised', 0n],
      ['wallet 0x00000000000000000000000000000000000000aa', 82n],
      ['wallet 0x00000000000000000000000000000000000000bb', 17n],
      ['work', 7n],
    ];
    expect(await read(whole)).toEqual({ balances: wanted, findings: [] });
    for (let killAt = 1; killAt <= writes; killAt++) {
      for (const side of killAt === writes ? ['before', 'after'] : ['before']) {
        const file = join(folder, `${killAt}-${side}.db`);
        const { stdout, signal } = play(file, killAt, side);
        expect(signal, stdout).toBe('SIGKILL');
        expect((await read(file)).findings, stdout).toEqual([]);
        const state = await passDoors(file);
        const { balances, findings } = await read(file);
        expect(findings, stdout).toEqual([]);
        // A permit that was written down and held for no job is good for nothing any more: its stranger signs another.
        const unused = state === 'open';
        const expected = unused
          ? wanted
              .filter(([account]) => !['held', 'promised', 'work'].includes(account as string))
              .map((row) => (row[0] === 'chain' ? ['chain', -100n] : row))
          : wanted;
        expect(balances, stdout).toEqual(expected);
      }
    }
  },
);
