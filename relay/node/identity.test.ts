import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadSeed } from './identity.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabloom-identity-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('the first run makes a key that later runs find, for its owner alone', async () => {
  const data = join(folder, 'deep', 'data');
  const seed = await loadSeed(data);
  expect(seed).toHaveLength(32);
  expect(await loadSeed(data)).toEqual(seed);
  expect(await loadSeed(data, 'other.key')).not.toEqual(seed);
  expect((await stat(join(data, 'identity.key'))).mode & 0o777).toBe(0o600);
  expect((await readdir(data)).toSorted()).toEqual(['identity.key', 'other.key']);
});

test('a file of another length is refused, not replaced', async () => {
  await writeFile(join(folder, 'identity.key'), 'short');
  await expect(loadSeed(folder)).rejects.toMatchObject({ code: 'bad-identity' });
  expect((await stat(join(folder, 'identity.key'))).size).toBe(5);
});

test('a folder that cannot be written is named', async () => {
  await writeFile(join(folder, 'file'), '');
  await expect(loadSeed(join(folder, 'file', 'data'))).rejects.toMatchObject({ code: 'data-not-writable' });
});

test.skipIf(process.getuid?.() === 0)(
  'a folder without permission is named, and nothing half-written stays',
  async () => {
    await chmod(folder, 0o500);
    await expect(loadSeed(folder)).rejects.toMatchObject({ code: 'data-not-writable' });
    await chmod(folder, 0o700);
    expect(await readdir(folder)).toEqual([]);
  },
);
