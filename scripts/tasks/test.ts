import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { add, none, one, readPlaywright, readVitest, type Counts } from './counts.ts';
import { ensureBuilt } from './build.ts';
import { ensureChromium } from './chromium.ts';
import { runLanes, type Step } from './lanes.ts';
import { ensureServices } from './services.ts';
import { printNow, projectRoot, runTool } from './tool.ts';

const reports = join(projectRoot, 'test-results/reports');

const tool =
  (name: string, args: readonly string[]): Step['run'] =>
  async (print) =>
    one((await runTool(name, args, { show: 'on-failure', print })).code === 0);

const script = (path: string): Step['run'] => tool(process.execPath, [join(projectRoot, path)]);

const all =
  (...runs: readonly Step['run'][]): Step['run'] =>
  async (print) => {
    let counts = none;
    for (const run of runs) counts = add(counts, await run(print));
    return counts;
  };

/** A runner that died before it had counted all, or after, is one failure more than it counted. */
const counted = (counts: Counts | undefined, code: number): Counts => {
  const known = counts ?? one(false);
  return code === 0 || known.failed > 0 ? known : add(known, one(false));
};

/** Runs projects of vitest.config.ts, with further arguments such as `--shard=1/2`. */
const vitest =
  (...args: readonly string[]): Step['run'] =>
  async (print) => {
    const path = join(reports, `${args.join('-').replaceAll(/[^a-z0-9]+/g, '-')}.json`);
    const reporters = ['--reporter=dot', '--reporter=json', `--outputFile.json=${path}`];
    const wanted = args.map((one) => (one.startsWith('-') ? one : `--project=${one}`));
    const { code } = await runTool('vitest', ['run', ...reporters, ...wanted], { show: 'on-failure', print });
    return counted(readVitest(path), code);
  };

const playwright: Step['run'] = async (print) => {
  const path = join(reports, 'e2e.json');
  const env = { CHROMIUM: await ensureChromium(print), PLAYWRIGHT_JSON_OUTPUT_NAME: path };
  const { code } = await runTool('playwright', ['test', '--reporter=list,json'], { show: 'always', print, env });
  return counted(readPlaywright(path), code);
};

const build: Step['run'] = async (print) => {
  await ensureBuilt(print);
  return one(true);
};

const format: Step = {
  name: 'format',
  run: all(tool('prettier', ['--check', '--log-level=warn', '.']), tool('oxlint', ['--deny-warnings'])),
};
const types: Step = {
  name: 'types',
  run: tool('svelte-check', ['--tsconfig', './tsconfig.json', '--fail-on-warnings']),
};
const law: Step = {
  name: 'law',
  run: all(
    tool('depcruise', ['--config', '.dependency-cruiser.cjs', '--output-type', 'err', 'src', 'workers', 'relay']),
    vitest('law'),
    tool('knip', ['--no-progress']),
  ),
};
const unit: Step = { name: 'unit', run: vitest('unit', 'unit-alone') };
const contracts: Step = {
  name: 'contracts',
  run: all(
    ...['check', 'lint', 'test', 'gas', 'coverage'].map((name) => script(`scripts/contracts/${name}.ts`)),
    vitest('contracts'),
  ),
};
let services: Promise<void> | undefined;
const integration = (shard: string): Step => ({
  name: 'integration',
  async run(print) {
    await (services ??= ensureServices(print));
    return vitest('integration', `--shard=${shard}`)(print);
  },
});
const conformance: Step = { name: 'conformance', run: script('scripts/tasks/conformance.ts') };
const product: Step = { name: 'build', run: all(build, tool('size-limit', [])) };
const e2e: Step = { name: 'e2e', run: playwright };

/**
 * Lanes run concurrently. Steps that read the build follow it in its lane. A third, since browsers and processes wait for
 * each other half of the time: two lanes left a third of two cores idle.
 */
const lanes: readonly (readonly Step[])[] = [
  [types, product, e2e],
  [format, law, unit, contracts],
  [integration('1/4'), integration('2/4')],
];

/** For whichever lane is free, in pieces small enough that all end at about the same time. */
const rest: readonly Step[] = [integration('3/4'), integration('4/4'), conformance];

const only = process.argv.slice(2).filter((word) => !word.startsWith('-'));
const names = [...new Set([...lanes.flat(), ...rest].map(({ name }) => name))];
const unknown = only.filter((name) => !names.includes(name));
if (unknown.length > 0) {
  printNow(`Unknown step ${unknown.join(', ')}; the steps are ${names.join(', ')}.\n`);
  process.exit(2);
}
rmSync(reports, { recursive: true, force: true });
mkdirSync(reports, { recursive: true });

// Every step reads tsconfig.json, which builds on what this writes; in a fresh clone a step may be asked for alone.
if ((await tool('svelte-kit', ['sync'])(printNow)).failed > 0) process.exit(1);

const wanted = (steps: readonly Step[]) => steps.filter(({ name }) => only.length === 0 || only.includes(name));
const total = await runLanes(lanes.map(wanted), printNow, wanted(rest));
printNow(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`);
process.exit(total.failed > 0 || total.passed === 0 ? 1 : 0);
