/**
 * Applies each mutation to a copy of the contracts and runs the tests that must catch it; those that can be are compiled together and
 * woken one by one (`rules/together.ts`). Prints a table, and fails if
 * a mutant survives or is caught only by other tests than the one named. A word on the command line limits the run to
 * mutants whose name contains it. With `--walks` only the random walks run, with the effort used on every change; the
 * table then shows which faults they find alone, and nothing fails. What was caught is kept in `cache/` until the contracts or
 * the mutant change, so that a run that was cut off goes on where it was; `--anew` tries all. `--lanes 1` leaves a busy
 * machine the other processors.
 *
 * Then mutants made by rule (`rules/`): each must be caught by the tests of its contract, or be excused with a reason.
 * `--planted` and `--rules` run one kind alone; `--contract Claims` runs those by rule of one contract.
 */
import { spawn } from 'node:child_process';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { hardhatCli } from './artifacts.ts';
import { projectRoot } from '../tasks/tool.ts';
import { openKeptVerdicts } from './kept-verdicts.ts';
import { bondsMutants } from './mutant-list-bonds.ts';
import { channelsMutants } from './mutant-list-channels.ts';
import type { Mutant } from './mutant.ts';
import { tryTogether } from './rules/together.ts';
import { reportByRule } from './rules/report.ts';

type Verdict = { readonly mutant: Mutant; readonly failed: readonly string[]; readonly problem: string | null };

/** Time limit for compiling and testing one mutant. */
const timeoutMs = 300_000;

// Inside the repository, because the compiler resolves packages upwards from the sources.
const workspace = join(projectRoot, 'cache/mutants');
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    walks: { type: 'boolean', default: false },
    planted: { type: 'boolean', default: false },
    rules: { type: 'boolean', default: false },
    contract: { type: 'string' },
    anew: { type: 'boolean', default: false },
    lanes: { type: 'string' },
  },
});
/** Mutants tested in parallel: one per processor, at most four. */
const lanes = Math.max(1, Math.min(4, availableParallelism(), Number(values.lanes ?? 4)));
const walksOnly = values.walks;
const [wanted] = positionals;
const chosen = [...channelsMutants, ...bondsMutants].filter(({ name }) => !wanted || name.includes(wanted));
const byRuleOnly = values.rules || values.contract !== undefined;

if (!byRuleOnly) await tryPlanted();
if (byRuleOnly || !(values.planted || walksOnly || wanted)) {
  const isExplained = await reportByRule(values.contract, (line) => void process.stdout.write(`${line}\n`));
  if (!isExplained) process.exitCode = 1;
}

async function tryPlanted(): Promise<void> {
  await rm(workspace, { recursive: true, force: true });
  await mkdir(workspace, { recursive: true });
  try {
    const verdicts: Verdict[] = [];
    const kept = await openKeptVerdicts(join(projectRoot, 'contracts'), join(projectRoot, 'cache/planted.jsonl'));
    row('mutant', 'breaks', 'caught by');
    const isTried = (mutant: Mutant) => !values.anew && !walksOnly && kept.of(mutant) !== undefined;
    const caught = async (mutant: Mutant, failed: readonly string[]) => {
      if (!isTried(mutant) && !walksOnly) await kept.keep(mutant, failed);
      verdicts.push({ mutant, failed, problem: null });
      row(mutant.name, mutant.breaks, failed.join(', '));
    };
    const left = chosen.filter((mutant) => !isTried(mutant));
    if (!walksOnly && left.length > 1) await tryTogether(left, caught);
    const isKnown = new Set(verdicts.map(({ mutant }) => mutant));
    const waiting = chosen.filter((mutant) => !isKnown.has(mutant));
    const work = async (lane: number) => {
      for (let mutant = waiting.shift(); mutant; mutant = waiting.shift()) {
        const verdict: Verdict = isTried(mutant)
          ? { mutant, failed: kept.of(mutant)!, problem: null }
          : await judge(mutant, join(workspace, String(lane)));
        if (verdict.problem === null) {
          await caught(mutant, verdict.failed);
          continue;
        }
        verdicts.push(verdict);
        row(mutant.name, mutant.breaks, verdict.problem);
      }
    };
    await Promise.all(Array.from({ length: lanes }, (_, lane) => work(lane)));
    const survivors = verdicts.filter(({ problem }) => problem !== null);
    process.stdout.write(
      `\n${verdicts.length - survivors.length} of ${verdicts.length} caught${walksOnly ? ' by the walks alone' : ''}\n`,
    );
    if (verdicts.length === 0 || (survivors.length > 0 && !walksOnly)) process.exitCode = 1;
  } finally {
    await rm(workspace, { recursive: true, force: true });
  }
}

function row(name: string, breaks: string, verdict: string): void {
  process.stdout.write(`${name.padEnd(44)} ${breaks.padEnd(7)} ${verdict}\n`);
}

async function judge(mutant: Mutant, lane: string): Promise<Verdict> {
  const sources = join(lane, 'contracts');
  await rm(sources, { recursive: true, force: true });
  await cp(join(projectRoot, 'contracts'), sources, { recursive: true });
  const path = join(sources, mutant.file);
  const text = await readFile(path, 'utf8');
  const places = text.split(mutant.from).length - 1;
  if (places !== 1) return { mutant, failed: [], problem: `MISPLANTED: found ${places} times in ${mutant.file}` };
  await writeFile(
    path,
    text.replace(mutant.from, () => mutant.to),
  );
  const { code, output } = await runTests(lane, walksOnly ? null : join(sources, mutant.test));
  const failed = [...new Set([...output.matchAll(/^\s+\d+\) (\w+)\(/gm)].map(([, name]) => name!))];
  if (!output.includes('Running Solidity tests')) return { mutant, failed, problem: `DID NOT COMPILE\n${output}` };
  if (code === null) return { mutant, failed, problem: 'TIMED OUT' };
  if (output.includes('failed to set up invariant testing'))
    return { mutant, failed, problem: `DID NOT WALK\n${output}` };
  if (code === 0 || failed.length === 0) return { mutant, failed, problem: 'SURVIVED' };
  if (walksOnly) return { mutant, failed, problem: null };
  if (failed.includes(mutant.caughtBy)) return { mutant, failed, problem: null };
  return { mutant, failed, problem: `MISSED by ${mutant.caughtBy}; caught by ${failed.join(', ')}` };
}

/** Runs one test file, or only the random walks. */
function runTests(lane: string, testPath: string | null): Promise<{ code: number | null; output: string }> {
  const env = {
    ...process.env,
    CONTRACTS_SOURCES: relative(projectRoot, join(lane, 'contracts')),
    CONTRACTS_WORK: relative(projectRoot, join(lane, 'work')),
    CONTRACTS_COMPILER: 'fast',
    CONTRACTS_EFFORT: walksOnly ? 'ci' : 'quick',
    NO_COLOR: '1',
  };
  // A walk needs its handler's artifact, which exists only if everything is compiled, so select by name, not by file.
  const which = testPath === null ? ['--grep', 'invariant_'] : [relative(projectRoot, testPath)];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [hardhatCli, 'test', 'solidity', ...which], {
      cwd: projectRoot,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: timeoutMs,
    });
    let output = '';
    const onOutput = (bytes: Buffer) => {
      if (output.length < 1_000_000) output += bytes.toString('utf8');
    };
    child.stdout.on('data', onOutput);
    child.stderr.on('data', onOutput);
    child.once('error', reject);
    child.once('exit', (code) => resolve({ code, output }));
  });
}
