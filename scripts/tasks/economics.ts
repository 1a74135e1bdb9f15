import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as prettier from 'prettier';
import { withTables } from '../../tests/simulation/economics-table.ts';
import { projectRoot } from './tool.ts';

/** Writes the tables of docs/ECONOMICS.md anew, from the contracts' numbers and what docs/VERIFICATION.md says was measured. */
const path = join(projectRoot, 'docs/ECONOMICS.md');
const options = await prettier.resolveConfig(path);
const verification = await readFile(join(projectRoot, 'docs/VERIFICATION.md'), 'utf8');
const text = await prettier.format(withTables(await readFile(path, 'utf8'), verification), {
  ...options,
  filepath: path,
});
await writeFile(path, text);
