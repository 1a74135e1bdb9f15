import { chmod, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openSqliteStorage } from '../storage/sqlite.ts';
import { checkDataFolder } from './data-folder.ts';
import { found } from './doctor.fixture.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'tabloom-doctor-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const look = (folder: string, serves = false) =>
  found(checkDataFolder({ folder, held: 'relay.db-lock', isServing: async () => serves }));
const privateFolder = async () => {
  const folder = join(root, 'data');
  await mkdir(folder, { mode: 0o700 });
  return folder;
};

test('one that is not there yet is not made', async () => {
  expect(await look(join(root, 'a', 'b'))).toMatchObject({
    state: 'ok',
    what: expect.stringContaining('will be made'),
  });
  expect(await readdir(root)).toEqual([]);
});

test('a file in its place', async () => {
  await writeFile(join(root, 'file'), '');
  expect(await look(join(root, 'file', 'data'))).toMatchObject({
    state: 'fail',
    what: expect.stringContaining('is a file'),
  });
});

test.skipIf(process.getuid?.() === 0)('one that may not be written', async () => {
  const folder = await privateFolder();
  await chmod(folder, 0o500);
  expect(await look(folder)).toMatchObject({ state: 'fail', what: expect.stringContaining('EACCES') });
});

test.skipIf(process.platform !== 'linux')('a file system that is read-only, for everyone', async () => {
  expect(await look('/proc/self/tabloom')).toMatchObject({ state: 'fail' });
});

test.skipIf(process.platform === 'win32')('keys that others may read, a folder that others may look into', async () => {
  const folder = await privateFolder();
  const key = join(folder, 'relay.key');
  await writeFile(key, new Uint8Array(32), { mode: 0o644 });
  expect(await look(folder)).toMatchObject({ state: 'fail', do: expect.stringContaining(`chmod 600 ${key}`) });
  await chmod(key, 0o600);
  expect(await look(folder)).toMatchObject({ state: 'ok' });
  await chmod(folder, 0o755);
  expect(await look(folder)).toMatchObject({ state: 'warn', do: expect.stringContaining(`chmod 700 ${folder}`) });
});

test('a key that is none', async () => {
  const folder = await privateFolder();
  await writeFile(join(folder, 'relay.key'), 'short', { mode: 0o600 });
  expect(await look(folder)).toMatchObject({ state: 'fail', what: expect.stringContaining('32 bytes') });
});

test('one that a process holds, which is found in the list of the kernel', async () => {
  const folder = await privateFolder();
  const file = join(folder, 'relay.db-lock');
  await writeFile(file, '', { mode: 0o600 });
  const { ino } = await stat(file);
  const locks = `1: POSIX  ADVISORY  READ 11 08:01:${ino} 0 EOF\n2: POSIX  ADVISORY  WRITE 4711 08:01:${ino} 0 EOF\n`;
  const holding = (text: string, serves = false) =>
    found(
      checkDataFolder({ folder, held: 'relay.db-lock', isServing: async () => serves, readLocks: async () => text }),
    );
  expect(await holding(locks)).toMatchObject({ state: 'warn', what: expect.stringContaining('Process 4711') });
  // The relay that answers on the port is who holds it.
  expect(await holding(locks, true)).toMatchObject({ state: 'ok', what: expect.stringContaining('process 4711') });
  expect(await holding(locks.replaceAll(`:${ino} `, `:${ino}0 `))).toMatchObject({ state: 'ok' });
  expect(await holding('')).toMatchObject({ state: 'ok' });
});

test.runIf(process.platform === 'linux')('one that this process holds', async () => {
  const folder = await privateFolder();
  const storage = openSqliteStorage(join(folder, 'relay.db'));
  expect(await look(folder)).toMatchObject({ state: 'warn', what: expect.stringContaining(`Process ${process.pid}`) });
  storage.close();
  expect(await look(folder)).toMatchObject({ state: 'ok' });
});
