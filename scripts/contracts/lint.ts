/** Runs solhint over the contracts, with warnings as errors. Tests and their doubles are excluded. */
import { spawnSync } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { projectRoot } from '../tasks/tool.ts';

const sources: string[] = [];
for (const folder of ['contracts', 'contracts/tokens']) {
  for (const name of await readdir(join(projectRoot, folder))) {
    if (name.endsWith('.sol') && !name.endsWith('.t.sol')) sources.push(join(folder, name));
  }
}
const solhint = join(dirname(createRequire(import.meta.url).resolve('solhint/package.json')), 'solhint.js');
const { status, stdout, stderr } = spawnSync(
  process.execPath,
  [solhint, '--max-warnings', '0', '--formatter', 'unix', ...sources],
  { cwd: projectRoot, encoding: 'utf8', timeout: 120_000 },
);
if (status !== 0) process.stderr.write(`${stdout}${stderr}`);
else process.stdout.write(`solhint: ${sources.length} sources, no findings\n`);
process.exitCode = status ?? 1;
