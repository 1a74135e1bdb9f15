import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '#lib/base/clock.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { openDatabase } from '../../../relay/ledger/database.ts';
import { createLedger } from '../../../relay/ledger/ledger.ts';
import { runRelay, temporaryFolder } from '../../fixtures/relay-process.ts';

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const check = () => runRelay(['ledger', 'check'], { DATA_DIR: folder });

test('ledger check tells what there is, and fails with what differs', async () => {
  const db = await openDatabase({ file: join(folder, 'ledger.db') });
  const ledger = createLedger({
    db,
    gateway: 'a gateway',
    cost: () => 5n,
    costOnChain: () => 5n,
    clock: systemClock,
    logger: silentLogger,
  });
  const most = { tokensIn: 1, tokensOut: 1 };
  for (const job of ['one', 'two']) await ledger.hold({ job, ids: [job], key: undefined, most });
  ledger.close({ job: 'one', used: most, run: undefined });
  await ledger.stop();
  const { code, text } = await check();
  expect(text).toMatch(
    /^transfers 3\naccount guests -10\naccount held 5\naccount work 5\nopen a gateway 1, the oldest since \d+ s\n/,
  );
  expect(text).toContain('The books are even.');
  expect(code).toBe(0);

  await db.updateTable('transfers').set({ units: 4n }).where('id', '=', 'one/close').execute();
  await db.destroy();
  const damaged = await check();
  expect(damaged.text).toMatch(/^ledger-unbalanced: The books are not even\./);
  expect(damaged.text).toContain('\none gives back and settles more or less than it held\n');
  expect(damaged.code).toBe(1);
});
