import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { add, readPlaywright, readVitest, type Counts } from './counts.ts';
import { ensureBuilt } from './build.ts';
import { ensureChromium } from './chromium.ts';
import { projectRoot, runTool } from './tool.ts';

/** One gate of `npm test`. It returns what its own tests counted, or a single pass or failure. */
interface Step {
  readonly name: string;
  readonly run: () => Promise<Counts>;
}

const reports = join(projectRoot, 'test-results/reports');
const one = (passed: boolean): Counts => ({ passed: passed ? 1 : 0, failed: passed ? 0 : 1, skipped: 0 });

async function tool(name: string, args: readonly string[]): Promise<Counts> {
  return one((await runTool(name, args, { show: 'on-failure' })).code === 0);
}

const script = (path: string): Promise<Counts> => tool(process.execPath, [join(projectRoot, path)]);

async function all(...runs: readonly (() => Promise<Counts>)[]): Promise<Counts> {
  let counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  for (const run of runs) counts = add(counts, await run());
  return counts;
}

async function vitest(report: string, args: readonly string[]): Promise<Counts> {
  const path = join(reports, `${report}.json`);
  const { code } = await runTool(
    'vitest',
    ['run', '--reporter=dot', '--reporter=json', `--outputFile.json=${path}`, ...args],
    {
      show: 'on-failure',
    },
  );
  const counts = readVitest(path) ?? one(false);
  return code === 0 || counts.failed > 0 ? counts : { ...counts, failed: counts.failed + 1 };
}

async function playwright(): Promise<Counts> {
  const path = join(reports, 'e2e.json');
  const { code } = await runTool('playwright', ['test', '--reporter=list,json'], {
    show: 'always',
    env: { CHROMIUM: ensureChromium(), PLAYWRIGHT_JSON_OUTPUT_NAME: path },
  });
  const counts = readPlaywright(path) ?? one(false);
  return code === 0 || counts.failed > 0 ? counts : { ...counts, failed: counts.failed + 1 };
}

const build = async (): Promise<Counts> =>
  one(
    await ensureBuilt().then(
      () => true,
      (error: unknown) => {
        process.stdout.write(`${String(error)}\n`);
        return false;
      },
    ),
  );

const steps: readonly Step[] = [
  {
    name: 'format',
    run: () =>
      all(
        () => tool('prettier', ['--check', '--log-level=warn', '.']),
        () => tool('oxlint', ['--deny-warnings']),
      ),
  },
  {
    name: 'types',
    run: () => tool('svelte-check', ['--tsconfig', './tsconfig.json', '--fail-on-warnings']),
  },
  {
    name: 'law',
    run: () =>
      all(
        () =>
          tool('depcruise', ['--config', '.dependency-cruiser.cjs', '--output-type', 'err', 'src', 'workers', 'relay']),
        () => vitest('law', ['tests/architecture.test.ts']),
        () => tool('knip', ['--no-progress']),
      ),
  },
  {
    name: 'unit',
    run: () =>
      vitest('unit', [
        '--exclude=tests/integration/**',
        '--exclude=tests/architecture.test.ts',
        '--exclude=scripts/contracts/**',
      ]),
  },
  {
    name: 'contracts',
    run: () =>
      all(
        ...['check', 'lint', 'test', 'gas', 'coverage'].map((name) => () => script(`scripts/contracts/${name}.ts`)),
        () => vitest('contracts', ['scripts/contracts', '--no-file-parallelism']),
      ),
  },
  { name: 'integration', run: () => vitest('integration', ['tests/integration', '--no-file-parallelism']) },
  { name: 'build', run: () => all(build, () => tool('size-limit', [])) },
  { name: 'e2e', run: playwright },
];

const only = process.argv.slice(2).filter((word) => !word.startsWith('-'));
const unknown = only.filter((name) => !steps.some((step) => step.name === name));
if (unknown.length > 0) {
  process.stdout.write(
    `Unknown step ${unknown.join(', ')}; the steps are ${steps.map((step) => step.name).join(', ')}.\n`,
  );
  process.exit(2);
}
rmSync(reports, { recursive: true, force: true });
mkdirSync(reports, { recursive: true });

// Every step reads tsconfig.json, which builds on what this writes; in a fresh clone a step may be asked for alone.
if ((await tool('svelte-kit', ['sync'])).failed > 0) process.exit(1);

let total: Counts = { passed: 0, failed: 0, skipped: 0 };
for (const step of steps.filter(({ name }) => only.length === 0 || only.includes(name))) {
  const startedMs = performance.now();
  const counts = await step.run().catch((error: unknown) => {
    process.stdout.write(`${String(error)}\n`);
    return one(false);
  });
  total = add(total, counts);
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  process.stdout.write(
    `${counts.failed > 0 ? 'FAIL' : 'ok  '}  ${step.name.padEnd(12)} ${counts.passed} passed, ${counts.failed} failed  (${seconds} s)\n`,
  );
}
process.stdout.write(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`);
process.exit(total.failed > 0 || total.passed === 0 ? 1 : 0);
