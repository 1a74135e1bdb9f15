import { copyFile, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';

/**
 * What became of a chain's state. `restored`: it was not whole, and the copy took its place. `lost`: there was no copy either, and the
 * chain begins anew.
 */
export type StateFound = 'as-it-was' | 'restored' | 'lost';

/**
 * The file a local chain writes its state to, and a copy beside it that is known to be whole: the chain writes in place, and one that is
 * killed in the middle leaves half a file, with which it would not start again.
 */
export interface KeptState {
  /** Before the chain is started. What is not whole is put aside, under the file's name and `.broken`. */
  mend(): Promise<StateFound>;
  /** Renews the copy where the file is whole and has changed. */
  keep(): Promise<void>;
}

export function createKeptState(path: string): KeptState {
  const [copy, draft, broken] = [`${path}.kept`, `${path}.draft`, `${path}.broken`];
  let keptAt = 0;
  return {
    async mend() {
      const text = await readText(path);
      // Whoever removes the file wants another chain.
      if (text === undefined) await rm(copy, { force: true });
      if (text === undefined || isWhole(text)) return 'as-it-was';
      await rename(path, broken);
      if (!isWhole((await readText(copy)) ?? '')) return 'lost';
      await copyFile(copy, draft);
      await rename(draft, path);
      return 'restored';
    },
    async keep() {
      const { mtimeMs } = await stat(path);
      if (mtimeMs === keptAt) return;
      const text = await readText(path);
      if (text === undefined || !isWhole(text)) return;
      await writeFile(draft, text, { mode: 0o600 });
      await rename(draft, copy);
      keptAt = mtimeMs;
    },
  };
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** A part of an object is never one. */
function isWhole(text: string): boolean {
  try {
    const state: unknown = JSON.parse(text);
    return typeof state === 'object' && state !== null;
  } catch {
    return false;
  }
}
