/** Writes `contracts/generated/`, the TypeScript view of the contracts, from compiler output and sources. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildContracts } from './artifacts.ts';
import { projectRoot } from '../tasks/tool.ts';
import { renderAll } from './render.ts';

await buildContracts();
const folder = join(projectRoot, 'contracts/generated');
await mkdir(folder, { recursive: true });
for (const [name, text] of await renderAll()) await writeFile(join(folder, name), text);
