import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A mutant that behaves like the original, or differs only where nobody can tell, by the name of its site. */
export type Equivalent = { readonly site: string; readonly reason: string };

export const readEquivalents = async (): Promise<readonly Equivalent[]> =>
  JSON.parse(await readFile(join(import.meta.dirname, 'equivalents.json'), 'utf8')) as readonly Equivalent[];
