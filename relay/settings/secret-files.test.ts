import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { withSecretFiles } from './secret-files.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabloom-secrets-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('a secret may stand in a file, and nothing else may', async () => {
  const file = join(folder, 'url');
  await writeFile(file, 'postgres://user:word@host/name\n');
  const given = { DATABASE_URL_FILE: file, PORT_FILE: file, METRICS_TOKEN_FILE: '', LOG_LEVEL: 'info' };
  expect(await withSecretFiles(given)).toEqual({ ...given, DATABASE_URL: 'postgres://user:word@host/name' });
});

test('a file that is not there, or a secret that is given twice, is refused', async () => {
  const missing = withSecretFiles({ DATABASE_URL_FILE: join(folder, 'missing') });
  await expect(missing).rejects.toMatchObject({ code: 'bad-setting', details: { name: 'DATABASE_URL_FILE' } });
  const both = withSecretFiles({ REDIS_URL: 'redis://:word@host', REDIS_URL_FILE: join(folder, 'url') });
  await expect(both).rejects.toMatchObject({ code: 'bad-setting', message: expect.not.stringContaining('word') });
});
