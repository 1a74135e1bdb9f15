import { createHash } from 'node:crypto';
import { appendFile, mkdir, readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Mutant } from './mutant.ts';

/**
 * Which tests caught the same mutants on the same sources in earlier runs, so that a run that was cut off goes on where it was. A
 * mutant that was not caught, or could not be tried, is tried again.
 */
export interface KeptVerdicts {
  /** The tests that failed; undefined for a mutant that is yet to be tried. */
  of(mutant: Mutant): readonly string[] | undefined;
  keep(mutant: Mutant, failed: readonly string[]): Promise<void>;
}

/** @param root of the sources. @param file of one JSON text a line; what cannot be read there counts for nothing. */
export async function openKeptVerdicts(root: string, file: string): Promise<KeptVerdicts> {
  const sources = await digestOf(root);
  const keyOf = (mutant: Mutant) => createHash('sha256').update(sources).update(JSON.stringify(mutant)).digest('hex');
  const kept = new Map<string, readonly string[]>();
  const text = await readFile(file, 'utf8').catch(() => '');
  for (const line of text.split('\n')) {
    const entry = read(line);
    if (entry) kept.set(entry.key, entry.failed);
  }
  await mkdir(dirname(file), { recursive: true });
  return {
    of: (mutant) => kept.get(keyOf(mutant)),
    keep: (mutant, failed) => appendFile(file, `${JSON.stringify({ key: keyOf(mutant), failed })}\n`),
  };
}

function read(line: string): { readonly key: string; readonly failed: readonly string[] } | null {
  try {
    const { key, failed } = JSON.parse(line) as { readonly key?: string; readonly failed?: readonly string[] };
    return key && Array.isArray(failed) ? { key, failed } : null;
  } catch {
    return null;
  }
}

/** Over every source and test: a test that was made weaker asks for a new verdict too. */
async function digestOf(root: string): Promise<string> {
  const hash = createHash('sha256');
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter(({ name }) => name.endsWith('.sol'))
    .map(({ parentPath, name }) => join(parentPath, name));
  for (const path of paths.toSorted()) {
    const text = await readFile(path);
    hash.update(`${path.slice(root.length)} ${text.length}\n`).update(text);
  }
  return hash.digest('hex');
}
