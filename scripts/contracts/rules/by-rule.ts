import { fork, spawn, type ChildProcess } from 'node:child_process';
import { cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { projectRoot } from '../../tasks/tool.ts';
import { hardhatCli } from '../artifacts.ts';
import { readEquivalents } from './equivalents.ts';
import { nameOf, type Site } from './site.ts';
import type { Reply, Request } from './suites.ts';
import { testsOf } from './tests-of.ts';
import { parseAll } from './tree.ts';
import { weave } from './weave.ts';

export type Verdict = {
  readonly site: Site;
  readonly outcome: 'killed' | 'survived' | 'equivalent' | 'wrongly-excused';
  /** The first test that failed, or `timeout`. */
  readonly by: string | null;
};

/** Longest that the tests of one mutant may take. */
const timeoutMs = 60_000;

/**
 * Tries every mutant of the sources chosen, and reports each as it is judged. All are compiled once, together.
 * @throws when the woven sources do not compile, or the tests fail with every mutant asleep.
 */
export async function tryByRule(
  isChosen: (site: Site) => boolean,
  onVerdict: (verdict: Verdict) => void,
  { root = join(projectRoot, 'contracts'), workspace = join(projectRoot, 'cache/rules') } = {},
): Promise<void> {
  const { sites, woven } = weave(parseAll(root));
  const reasons = new Map((await readEquivalents()).map(({ site, reason }) => [site, reason]));
  await rm(workspace, { recursive: true, force: true });
  await mkdir(workspace, { recursive: true });
  const tests = new Tests(join(workspace, 'work/artifacts'));
  try {
    await cp(root, join(workspace, 'contracts'), { recursive: true });
    for (const { file, text } of woven) await writeFile(join(workspace, 'contracts', file), text);
    await compile(workspace);
    const files = (await readdir(join(workspace, 'contracts'))).filter((name) => name.endsWith('.t.sol'));
    const filesOf = (source: string) =>
      files.filter((name) => testsOf[source]?.some((start) => name.startsWith(`${start}.`)));
    for (const source of new Set(sites.filter(isChosen).map(({ file }) => file))) {
      const { failed, passed } = await tests.run({ mutant: 0, files: filesOf(source) });
      if (failed.length > 0 || passed === 0) {
        throw new Error(`${source}: with every mutant asleep, ${passed} tests pass and fail: ${failed.join(', ')}`);
      }
    }
    for (const site of sites.filter(isChosen)) {
      const failed = await firstFailure(tests, site, filesOf(site.file));
      const isExcused = reasons.has(nameOf(site));
      const isKilled = failed !== null;
      const outcome = isKilled ? (isExcused ? 'wrongly-excused' : 'killed') : isExcused ? 'equivalent' : 'survived';
      onVerdict({ site, outcome, by: failed });
    }
  } finally {
    tests.stop();
    await rm(workspace, { recursive: true, force: true });
  }
}

/** Runs one file after another, those named for the mutant's function first and the slow ones last, until a test fails. */
async function firstFailure(tests: Tests, { id, within }: Site, files: readonly string[]): Promise<string | null> {
  const word = within.replace(/^_/, '').toLowerCase();
  const rank = (name: string) => {
    const topic = name.split('.').at(1)?.toLowerCase() ?? '';
    if (topic !== 't' && (word.includes(topic) || topic.includes(word))) return 0;
    return /reentrancy|hostile|Dust/.test(name) ? 2 : 1;
  };
  for (const file of files.toSorted((a, b) => rank(a) - rank(b))) {
    const { failed } = await tests.run({ mutant: id, files: [file] });
    if (failed.length > 0) return failed[0]!;
  }
  return null;
}

/** The process with the compiled tests; started when needed, ended when a mutant hangs it. */
export class Tests {
  readonly #artifacts: string;
  #child: ChildProcess | null = null;

  constructor(artifacts: string) {
    this.#artifacts = artifacts;
  }

  async run(request: Request): Promise<Reply> {
    const child = (this.#child ??= await this.#start());
    return new Promise((resolve) => {
      const end = (reply: Reply) => {
        clearTimeout(timer);
        child.removeAllListeners();
        resolve(reply);
      };
      const gone = (why: string) => {
        this.stop();
        end({ mutant: request.mutant, failed: [why], passed: 0 });
      };
      const timer = setTimeout(() => gone('timeout'), timeoutMs);
      child.once('message', (reply: Reply) => end(reply));
      child.once('exit', () => gone('crash'));
      child.send(request);
    });
  }

  stop(): void {
    this.#child?.removeAllListeners();
    this.#child?.kill('SIGKILL');
    this.#child = null;
  }

  async #start(): Promise<ChildProcess> {
    const child = fork(join(import.meta.dirname, 'suites.ts'), [this.#artifacts, projectRoot], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    await new Promise<void>((resolve, reject) => {
      child.once('message', () => resolve());
      child.once('exit', (code) => reject(new Error(`the tests could not be loaded (code ${code})`)));
    });
    child.removeAllListeners();
    return child;
  }
}

/** Compiles `contracts` in the workspace, with the tests, into `work`. @throws with the compiler's output. */
export function compile(workspace: string): Promise<void> {
  const env = {
    ...process.env,
    CONTRACTS_SOURCES: relative(projectRoot, join(workspace, 'contracts')),
    CONTRACTS_WORK: relative(projectRoot, join(workspace, 'work')),
    CONTRACTS_COMPILER: 'fast',
    NO_COLOR: '1',
  };
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [hardhatCli, 'build'], { cwd: projectRoot, env, timeout: 600_000 });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (bytes: Buffer) => (output = (output + bytes.toString('utf8')).slice(-20_000)));
    }
    child.once('error', reject);
    child.once('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`the woven sources do not compile\n${output}`)),
    );
  });
}
