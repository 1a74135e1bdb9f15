import { constants } from 'node:fs';
import { access, readdir, readFile, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { causeOf, fail, ok, warn, type Check, type Outcome } from './finding.ts';

export interface DataFolderInput {
  readonly folder: string;
  /** The file that a running process locks, such as `relay.db-lock`. */
  readonly held: string;
  /** Whether a relay of ours has been found to run on the port, which then is who holds it. */
  readonly isServing: () => Promise<boolean>;
  /** The text of `/proc/locks`, which only Linux has. */
  readonly readLocks?: () => Promise<string>;
}

const readKernelLocks = () => readFile('/proc/locks', 'utf8');

const freeLeast = { fail: 64 * 2 ** 20, warn: 2 ** 30 } as const;
const seedBytes = 32;

/** The folder of `DATA_DIR`: there or to be made, writable, private, with room, and whose it is now. */
export const checkDataFolder = ({ folder, held, isServing, readLocks = readKernelLocks }: DataFolderInput): Check => ({
  id: 'data-folder',
  async run() {
    const there = await nearest(folder);
    if (!there.isFolder)
      return fail(`${there.path} is a file, so ${folder} cannot be a folder.`, 'Give another DATA_DIR.');
    const denied = await access(there.path, constants.R_OK | constants.W_OK | constants.X_OK).catch(causeOf);
    if (denied !== undefined) {
      return fail(
        `${folder} cannot be written (${denied}).`,
        'Give another DATA_DIR, or change its owner or permissions.',
      );
    }
    const { bavail, bsize } = await statfs(there.path);
    const free = bavail * bsize;
    if (free < freeLeast.fail) return fail(`${mebibytes(free)} are free for ${folder}.`, 'Make room on that disk.');
    if (there.path !== folder) return ok(`${folder} will be made.`);
    const bad = await lookInside(folder, there.mode);
    if (bad) return bad;
    const holder = await holderOf(join(folder, held), readLocks);
    if (holder !== undefined && !(await isServing())) {
      return warn(
        `Process ${holder} uses ${folder}.`,
        'Only one at a time may. Stop it before you start another, or give each its own DATA_DIR.',
      );
    }
    if (free < freeLeast.warn) return warn(`${mebibytes(free)} are free for ${folder}.`, 'Make room on that disk.');
    return ok(`${folder} is writable and private${holder === undefined ? '' : `; process ${holder} uses it`}.`);
  },
});

/** The folder, or the nearest one above it that is there. */
async function nearest(
  path: string,
): Promise<{ readonly path: string; readonly isFolder: boolean; readonly mode: number }> {
  for (let one = path; ; one = dirname(one)) {
    const found = await stat(one).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
      throw error;
    });
    if (found) return { path: one, isFolder: found.isDirectory(), mode: found.mode };
  }
}

async function lookInside(folder: string, mode: number): Promise<Outcome | undefined> {
  const files = await readdir(folder);
  for (const file of files.filter((name) => /\.(key|db)(-wal|-shm)?$/.test(name)).slice(0, 32)) {
    const path = join(folder, file);
    const { mode: own, size } = await stat(path);
    if ((own & 0o077) !== 0 && process.platform !== 'win32')
      return fail(`Others may read ${path}.`, `It is for its owner alone: chmod 600 ${path}`);
    if (file.endsWith('.key') && size !== seedBytes)
      return fail(`${path} is not a key of ${seedBytes} bytes.`, 'Restore it, or delete it to get a new identity.');
    const denied = await access(path, constants.R_OK | constants.W_OK).catch(causeOf);
    if (denied !== undefined) return fail(`${path} cannot be written (${denied}).`, 'Change its owner or permissions.');
  }
  if ((mode & 0o077) === 0 || process.platform === 'win32') return undefined;
  return warn(`Others may look into ${folder}.`, `Its files are private; the folder can be too: chmod 700 ${folder}`);
}

/** The kernel gives the list page by page, and an entry may slip through between two while others change. */
const readsMax = 3;

/** The process that locks a file. Linux lists locks by inode, so that nothing has to be opened or locked to find out. */
async function holderOf(file: string, readLocks: () => Promise<string>): Promise<string | undefined> {
  const found = await stat(file).catch(() => undefined);
  if (!found) return undefined;
  const entry = new RegExp(`^\\d+: POSIX +\\S+ +WRITE (\\d+) \\S+:${found.ino} `, 'm');
  for (let read = 0; read < readsMax; read++) {
    const holder = entry.exec(await readLocks().catch(() => ''))?.[1];
    if (holder !== undefined) return holder;
  }
  return undefined;
}

const mebibytes = (bytes: number) => `${Math.floor(bytes / 2 ** 20)} MiB`;
