import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { TabloomError } from '#lib/base/errors.ts';

/**
 * The seed of an Ed25519 key (32 bytes), in a file that only its owner may read; created on the first run, so that a
 * relay remains the same peer after a restart.
 * @throws `data-not-writable` when the folder cannot be written, `bad-identity` when the file is no such seed.
 */
export async function loadSeed(folder: string, name = 'identity.key'): Promise<Uint8Array> {
  const path = join(folder, name);
  const stored = await readFile(path).catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw notWritable(folder, error);
  });
  if (!stored) return createSeed(folder, path);
  if (stored.length !== seedBytes) {
    throw new TabloomError(
      'bad-identity',
      `${path} is not a key of ${seedBytes} bytes. Restore it, or delete it to get a new identity.`,
      {
        details: { path },
      },
    );
  }
  return new Uint8Array(stored);
}

const seedBytes = 32;

/** Written to a temporary file and renamed, so that a crash leaves either the whole key or none. */
async function createSeed(folder: string, path: string): Promise<Uint8Array> {
  const seed = randomBytes(seedBytes);
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(seed);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined);
    throw notWritable(folder, error);
  }
  return new Uint8Array(seed);
}

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT';

const notWritable = (folder: string, cause: unknown) =>
  new TabloomError(
    'data-not-writable',
    `The data folder ${folder} cannot be written. Give another one or change its permissions.`,
    {
      details: { folder },
      cause,
    },
  );
