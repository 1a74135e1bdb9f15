import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isTitle, isWritten, verdictOf, type Outcome, type Proof } from '../../tests/experience/claim.ts';
import { claims } from '../../tests/experience/claims.ts';
import { ensureBuilt } from './build.ts';
import { ensureChromium } from './chromium.ts';
import { printNow, projectRoot, runTool } from './tool.ts';

/**
 * `npm run experience`: what the pages promise, each with the tests that prove it, run and told. `-- without-browser` leaves out
 * what needs Chromium, `-- list` runs nothing.
 */
const wishes = process.argv.slice(2);
const known = ['list', 'without-browser'];
const unknown = wishes.find((wish) => !known.includes(wish));
if (unknown !== undefined) throw new Error(`There is no "${unknown}". Give nothing, or one of ${known.join(', ')}.`);

const reports = join(projectRoot, 'test-results/reports');
const isBrowsers = (file: string) => file.endsWith('.spec.ts');
const proofs = claims.flatMap((claim) => claim.proofs);
const titles = proofs.map(([, title]) => title);
const fileOf = (path: string) => join(projectRoot, path);

const outcomes = new Map<string, { readonly title: string; readonly outcome: Outcome }[]>();
const note = (file: string, title: string, passed: boolean) => {
  const noted = outcomes.get(file) ?? [];
  noted.push({ title, outcome: passed ? 'passed' : 'failed' });
  outcomes.set(file, noted);
};

async function runVitest(): Promise<void> {
  const files = [
    ...new Set(proofs.map(([file]) => file).filter((file) => !isBrowsers(file) && existsSync(fileOf(file)))),
  ];
  const path = join(reports, 'experience.json');
  rmSync(path, { force: true });
  const names = [...new Set(titles)].map(toPattern).join('|');
  const projects = ['unit', 'unit-alone', 'integration'].map((name) => `--project=${name}`);
  const reporters = ['--reporter=dot', '--reporter=json', `--outputFile.json=${path}`];
  await runTool('vitest', ['run', ...projects, ...reporters, '-t', names, ...files], { show: 'on-failure' });
  const report = readJson<VitestReport>(path);
  for (const { name, assertionResults } of report?.testResults ?? [])
    for (const { title, status } of assertionResults)
      if (status === 'passed' || status === 'failed')
        note(name.slice(projectRoot.length).replace(/^\/+/, ''), title, status === 'passed');
}

async function runPlaywright(): Promise<void> {
  const files = [
    ...new Set(proofs.map(([file]) => file).filter((file) => isBrowsers(file) && existsSync(fileOf(file)))),
  ];
  const path = join(reports, 'experience-browser.json');
  rmSync(path, { force: true });
  const names = [...new Set(proofs.filter(([file]) => isBrowsers(file)).map(([, title]) => toPattern(title)))].join(
    '|',
  );
  const CHROMIUM = await ensureChromium();
  await ensureBuilt();
  const env = { CHROMIUM, EVERYWHERE: '1', PLAYWRIGHT_JSON_OUTPUT_NAME: path };
  await runTool('playwright', ['test', '--reporter=list,json', '-g', names, ...files], { show: 'always', env });
  const report = readJson<PlaywrightSuite>(path);
  for (const suite of report?.suites ?? []) noteSuite(suite);
}

function noteSuite({ suites = [], specs = [] }: PlaywrightSuite): void {
  for (const { file, title, tests } of specs) {
    const statuses = tests.map(({ status }) => status);
    if (!statuses.includes('skipped'))
      note(
        `tests/e2e/${file}`,
        title,
        statuses.every((status) => status === 'expected'),
      );
  }
  for (const suite of suites) noteSuite(suite);
}

function outcomeOf([file, title]: Proof): ReturnType<Parameters<typeof verdictOf>[1]> {
  if (!existsSync(fileOf(file)) || !isWritten(readFileSync(fileOf(file), 'utf8'), title)) return 'missing';
  if (wishes.includes('list') || (isBrowsers(file) && wishes.includes('without-browser'))) return 'left out';
  const own = (outcomes.get(file) ?? []).filter((one) => isTitle(title, one.title));
  if (own.length === 0) return undefined;
  return own.every(({ outcome }) => outcome === 'passed') ? 'passed' : 'failed';
}

function toPattern(title: string): string {
  return title.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll(/%[sdifjo]/g, '.*');
}

function readJson<T>(path: string): T | undefined {
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as T) : undefined;
}

interface VitestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly assertionResults: readonly { readonly title: string; readonly status: string }[];
  }[];
}

interface PlaywrightSuite {
  readonly suites?: readonly PlaywrightSuite[];
  readonly specs?: readonly {
    readonly file: string;
    readonly title: string;
    readonly tests: readonly { readonly status: string }[];
  }[];
}

mkdirSync(reports, { recursive: true });
if (!wishes.includes('list')) {
  await runVitest();
  if (!wishes.includes('without-browser')) await runPlaywright();
}
const counts = new Map<string, number>();
for (const claim of claims) {
  const verdict = verdictOf(claim, outcomeOf);
  counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
  printNow(`${verdict.padEnd(15)} ${claim.row}: ${claim.claim}\n`);
  for (const proof of claim.proofs)
    printNow(`${' '.repeat(16)}${outcomeOf(proof) ?? 'not in the report'} · ${proof.join(' · ')}\n`);
  if (claim.lacks !== undefined) printNow(`${' '.repeat(16)}no test shows ${claim.lacks}\n`);
}
printNow(`\n${[...counts].map(([verdict, count]) => `${count} ${verdict}`).join(', ')}, of ${claims.length}\n`);
process.exit(counts.has('failed') ? 1 : 0);
