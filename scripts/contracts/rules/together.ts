import { readFileSync } from 'node:fs';
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { projectRoot } from '../../tasks/tool.ts';
import type { Mutant } from '../mutant.ts';
import { compile, Tests } from './by-rule.ts';
import { plant } from './plant.ts';

/**
 * Tries planted faults that can be compiled together, each against the test that must catch it, and reports those that were caught. Of
 * the others nothing is said: they have to be tried alone. @throws when what was planted together does not compile.
 */
export async function tryTogether(
  mutants: readonly Mutant[],
  onCaught: (mutant: Mutant, failed: readonly string[]) => Promise<void>,
  { root = join(projectRoot, 'contracts'), workspace = join(projectRoot, 'cache/together') } = {},
): Promise<void> {
  const { sleepers, texts } = plant(mutants, (file) => readFileSync(join(root, file), 'utf8'));
  if (sleepers.length === 0) return;
  await rm(workspace, { recursive: true, force: true });
  await mkdir(workspace, { recursive: true });
  const tests = new Tests(join(workspace, 'work/artifacts'));
  try {
    await cp(root, join(workspace, 'contracts'), { recursive: true });
    for (const [file, text] of texts) await writeFile(join(workspace, 'contracts', file), text);
    await compile(workspace);
    const sound = new Set<string>();
    for (const file of new Set(sleepers.map(({ mutant }) => mutant.test))) {
      const { failed, passed } = await tests.run({ mutant: 0, files: [file] });
      if (failed.length === 0 && passed > 0) sound.add(file);
    }
    for (const { id, mutant } of sleepers) {
      if (!sound.has(mutant.test)) continue;
      const { failed } = await tests.run({ mutant: id, files: [mutant.test] });
      if (failed.includes(mutant.caughtBy)) await onCaught(mutant, failed);
    }
  } finally {
    tests.stop();
    await rm(workspace, { recursive: true, force: true });
  }
}
