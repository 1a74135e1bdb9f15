import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDatabase } from '../../relay/ledger/database.ts';
import { createCheckpoints } from '../../relay/storage/checkpoints.ts';
import { escrowCases } from './ledger-escrows.ts';
import { levyCases } from './ledger-levy.ts';
import { upkeepCases } from './ledger-upkeep.ts';
import { workCases } from './ledger-work.ts';
import { ledgerCases } from './ledger.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabloom-ledger-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('in a file', () => {
  test.each(
    [...ledgerCases, ...escrowCases, ...levyCases, ...upkeepCases, ...workCases].map(
      (one, index) => [one.name, one.run, index] as const,
    ),
  )('%s', (_name, run, index) => run({ file: join(folder, `${index}.db`) }));

  test('only its owner can read it', async () => {
    const file = join(folder, 'private', 'ledger.db');
    await (await openDatabase({ file })).destroy();
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  test('what is written reaches the database itself through the thread beside, and it closes', async () => {
    const file = join(folder, 'beside.db');
    const checkpoints = createCheckpoints();
    const db = await openDatabase({ file, checkpoints });
    const before = (await stat(file)).size;
    await expect.poll(async () => (await stat(file)).size).toBeGreaterThan(before);
    await db.destroy();
    await checkpoints.stop();
    const again = await openDatabase({ file });
    expect(await again.selectFrom('keys').select('id').execute()).toEqual([]);
    await again.destroy();
  });

  test('a folder that cannot be written is reported', async () => {
    await writeFile(join(folder, 'taken'), '');
    await expect(openDatabase({ file: join(folder, 'taken', 'ledger.db') })).rejects.toMatchObject({
      code: 'data-not-writable',
    });
  });
});
