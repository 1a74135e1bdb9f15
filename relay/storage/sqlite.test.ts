import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { storageCompliance } from '../../tests/compliance/storage.ts';
import { createCheckpoints } from './checkpoints.ts';
import { openSqliteStorage, synchronousFor, type SqliteStorage } from './sqlite.ts';

let folder: string;
let files = 0;
const open: SqliteStorage[] = [];
const opened = (file: string) => {
  const storage = openSqliteStorage(file);
  open.push(storage);
  return storage;
};
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabloom-sqlite-'));
});
afterEach(() => {
  for (const storage of open.splice(0)) storage.close();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

storageCompliance('sqlite', async () => opened(join(folder, `${files++}.db`)));

test('what was put is there after a restart', async () => {
  const file = join(folder, 'deep', 'again.db');
  const first = openSqliteStorage(file);
  await first.put('receipts', 'k', { n: 1n, bytes: Uint8Array.of(1, 2) });
  first.close();
  expect(await opened(file).get('receipts', 'k')).toEqual({ n: 1n, bytes: Uint8Array.of(1, 2) });
});

test('one process at a time', () => {
  const file = join(folder, 'locked.db');
  const holder = openSqliteStorage(file);
  expect(() => openSqliteStorage(file)).toThrow(expect.objectContaining({ code: 'data-in-use' }));
  holder.close();
  opened(file);
});

test('what is written reaches the file through the thread beside, while it is in use', async () => {
  const file = join(folder, 'beside.db');
  const checkpoints = createCheckpoints();
  const storage = openSqliteStorage(file, checkpoints);
  await storage.put('receipts', 'k', 'v'.repeat(100_000));
  await expect.poll(async () => (await stat(file)).size).toBeGreaterThan(100_000);
  expect(() => openSqliteStorage(file)).toThrow(expect.objectContaining({ code: 'data-in-use' }));
  storage.close();
  await checkpoints.stop();
  expect(await opened(file).get('receipts', 'k')).toHaveLength(100_000);
});

test('a folder that cannot be made, a file that is something else', async () => {
  await writeFile(join(folder, 'file'), 'not a folder');
  expect(() => openSqliteStorage(join(folder, 'file', 'x.db'))).toThrow(
    expect.objectContaining({ code: 'data-not-writable' }),
  );
});

test.skipIf(process.platform === 'win32')('E: folder and files are for their owner alone, old ones too', async () => {
  const own = join(folder, 'private');
  const file = join(own, 'a.db');
  const modes = async () => {
    const paths = [own, ...(await readdir(own)).map((name) => join(own, name))];
    return Promise.all(paths.map(async (path) => [path, (await stat(path)).mode & 0o777]));
  };
  const first = openSqliteStorage(file);
  await first.put('receipts', 'k', 1);
  expect(await modes()).toEqual([
    [own, 0o700],
    ...['', '-lock', '-shm', '-wal'].map((suffix) => [`${file}${suffix}`, 0o600]),
  ]);
  first.close();
  await chmod(file, 0o644);
  const again = opened(file);
  await again.put('receipts', 'k', 2);
  expect((await modes()).slice(1).map(([, mode]) => mode)).toEqual([0o600, 0o600, 0o600, 0o600]);
});

test('what would cost money or an identity is on the disk itself once it resolves', () => {
  expect(synchronousFor([{ store: 'pay' }])).toBe('FULL');
  expect(synchronousFor([{ store: 'jobs' }, { store: 'identity' }])).toBe('FULL');
  expect(synchronousFor([{ store: 'jobs' }, { store: 'receipts' }])).toBe('NORMAL');
  expect(synchronousFor([{ store: 'identity' }], { durability: 'relaxed' })).toBe('NORMAL');
});
