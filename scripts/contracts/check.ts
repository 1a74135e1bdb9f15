/** Fails if `contracts/generated/` is out of date or a contract exceeds the size limit. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { size } from 'viem';
import { buildContracts, deployed, readArtifact, type DeployedName } from './artifacts.ts';
import { projectRoot } from '../tasks/tool.ts';
import { renderAll } from './render.ts';

/** EIP-170, in bytes. */
const sizeBytesMax = 24_576;

await buildContracts();
const folder = join(projectRoot, 'contracts/generated');
const wanted = await renderAll();
const problems: string[] = [];

for (const [name, text] of wanted) {
  const present = await readFile(join(folder, name), 'utf8').catch(() => null);
  if (present !== text) problems.push(`generated/${name} is out of date: run npm run contracts:generate`);
}
for (const name of await readdir(folder)) {
  if (!wanted.has(name)) problems.push(`generated/${name} is not generated any more: delete it`);
}
for (const name of Object.keys(deployed) as DeployedName[]) {
  const bytes = size((await readArtifact(name)).deployedBytecode);
  process.stdout.write(`${name.padEnd(10)} ${String(bytes).padStart(6)} of ${sizeBytesMax} bytes\n`);
  if (bytes > sizeBytesMax) problems.push(`${name} has ${bytes} bytes; a chain accepts ${sizeBytesMax}`);
}
for (const problem of problems) process.stderr.write(`${problem}\n`);
process.exitCode = problems.length === 0 ? 0 : 1;
