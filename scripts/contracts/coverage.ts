/**
 * Runs the Solidity tests on a copy of the contracts in which every branch is a statement, and fails below 98 % of
 * branches or statements. Prints each branch no test took.
 */
import { spawn } from 'node:child_process';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { hardhatCli } from './artifacts.ts';
import { projectRoot } from '../tasks/tool.ts';
import { alter, type Branch } from './branches.ts';

const leastPercent = 98;
const workspace = join(projectRoot, 'cache/coverage');
const sources = join(workspace, 'contracts');

await rm(workspace, { recursive: true, force: true });
await mkdir(workspace, { recursive: true });
try {
  await cp(join(projectRoot, 'contracts'), sources, { recursive: true });
  const { branches, withCode } = await alterAll();
  const code = await runTests();
  if (code !== 0) throw new Error('the tests fail, so coverage is meaningless until they pass');
  const hits = parseLcov(await readFile(join(projectRoot, 'coverage/lcov.info'), 'utf8'));
  // Otherwise a source missing from the report would count as covered.
  const left = withCode.filter((file) => !hits.has(file));
  if (left.length > 0) throw new Error(`missing from the coverage report: ${left.join(', ')}`);
  report(branches, hits);
} finally {
  await rm(workspace, { recursive: true, force: true });
}

async function alterAll(): Promise<{ readonly branches: readonly Branch[]; readonly withCode: readonly string[] }> {
  const all: Branch[] = [];
  const withCode: string[] = [];
  for (const folder of ['', 'tokens']) {
    for (const name of await readdir(join(sources, folder))) {
      if (!name.endsWith('.sol') || name.endsWith('.t.sol')) continue;
      const path = join(sources, folder, name);
      const { text, branches, hasCode } = alter(join(folder, name), await readFile(path, 'utf8'));
      await writeFile(path, text);
      if (hasCode) withCode.push(join(folder, name));
      all.push(...branches);
    }
  }
  return { branches: all, withCode };
}

function runTests(): Promise<number | null> {
  const env = {
    ...process.env,
    CONTRACTS_SOURCES: relative(projectRoot, sources),
    CONTRACTS_WORK: relative(projectRoot, join(workspace, 'work')),
    CONTRACTS_COMPILER: 'fast',
    CONTRACTS_EFFORT: 'quick',
  };
  return new Promise((resolve, reject) => {
    // The cases of the trees reach every branch; walks would only take longer.
    const tests = ['test', 'solidity', '--grep-exclude', '^(invariant|test_walk)_'];
    const child = spawn(process.execPath, [hardhatCli, ...tests, '--coverage'], {
      cwd: projectRoot,
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
      timeout: 900_000,
    });
    child.once('error', reject);
    child.once('exit', resolve);
  });
}

/** Hits per line, per file below `contracts/`. */
function parseLcov(lcov: string): ReadonlyMap<string, ReadonlyMap<number, number>> {
  const files = new Map<string, Map<number, number>>();
  let current = new Map<number, number>();
  for (const line of lcov.split('\n')) {
    const [, path] = /^SF:.*contracts\/(?!.*contracts\/)(.+)$/.exec(line) ?? [];
    if (path) files.set(path, (current = new Map()));
    const [, number, hits] = /^DA:(\d+),(\d+)/.exec(line) ?? [];
    if (number) current.set(Number(number), Number(hits));
  }
  return files;
}

function report(branches: readonly Branch[], hits: ReadonlyMap<string, ReadonlyMap<number, number>>): void {
  let problems = 0;
  process.stdout.write(`${'source'.padEnd(24)} ${'branches'.padStart(14)} ${'lines'.padStart(14)}\n`);
  const total = { taken: 0, all: 0, run: 0, lines: 0 };
  const missed: string[] = [];
  for (const [file, lines] of [...hits].sort(([a], [b]) => a.localeCompare(b))) {
    if (file.startsWith('test/') || file.endsWith('.t.sol')) continue;
    const mine = branches.filter((branch) => branch.file === file);
    const added = Math.min(...mine.map(({ lines: { holds } }) => holds - 2), Infinity);
    const own = [...lines].filter(([line]) => line < added);
    const run = own.filter(([, count]) => count > 0).length;
    let taken = 0;
    for (const branch of mine) {
      for (const outcome of ['holds', 'fails'] as const) {
        if ((lines.get(branch.lines[outcome]) ?? 0) > 0) taken += 1;
        else missed.push(`${file}:${branch.line}: no test in which ${branch.condition} ${outcome}`);
      }
    }
    row(file, taken, mine.length * 2, run, own.length);
    total.taken += taken;
    total.all += mine.length * 2;
    total.run += run;
    total.lines += own.length;
    for (const [line, count] of own) if (count === 0) missed.push(`${file}: line ${line} never ran (altered copy)`);
  }
  row('all', total.taken, total.all, total.run, total.lines);
  for (const line of missed) process.stdout.write(`${line}\n`);
  if (total.all === 0 || total.lines === 0) problems += 1;
  if (percent(total.taken, total.all) < leastPercent || percent(total.run, total.lines) < leastPercent) problems += 1;
  if (problems > 0) {
    process.stderr.write(`less than ${leastPercent} % covered\n`);
    process.exitCode = 1;
  }
}

function row(name: string, taken: number, all: number, run: number, lines: number): void {
  const part = (some: number, of: number) => `${some}/${of} ${percent(some, of).toFixed(1)}%`.padStart(14);
  process.stdout.write(`${name.padEnd(24)} ${part(taken, all)} ${part(run, lines)}\n`);
}

function percent(some: number, all: number): number {
  return all === 0 ? 100 : (100 * some) / all;
}
