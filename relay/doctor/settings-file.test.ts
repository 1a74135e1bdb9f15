import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { found } from './doctor.fixture.ts';
import { checkSettingsFile } from './settings-file.ts';

test.skipIf(process.platform === 'win32')('a file with a password is for its owner alone', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tabloom-doctor-'));
  const file = join(folder, 'tabloom.env');
  await writeFile(file, 'PORT=1\n', { mode: 0o644 });
  expect(await found(checkSettingsFile(file))).toMatchObject({ state: 'ok' });
  await writeFile(file, 'NATIVE_SERVER_KEY=word-that-is-secret\n');
  const finding = await found(checkSettingsFile(file));
  expect(finding).toMatchObject({ state: 'fail', do: expect.stringContaining('chmod 600') });
  expect(JSON.stringify(finding)).not.toContain('word-that-is-secret');
  await chmod(file, 0o600);
  expect(await found(checkSettingsFile(file))).toMatchObject({ state: 'ok' });
  await rm(folder, { recursive: true });
});
