import { chromium, type Browser, type Page } from '@playwright/test';
import { modelsListed } from '../e2e/fixtures/people.ts';
import { startRelay, type RelayProcess } from '../fixtures/relay-process.ts';
import { stallEngine } from '../e2e/fixtures/stall.ts';
import { median, spread, type Row } from './row.ts';

export const needs = 'pages';

const runs = 5;

/** How long a lending tab takes to be found, and to be missed: by the directory and by whoever reads its answer. */
export default async function lending(): Promise<readonly Row[]> {
  const relay = await startRelay({ native: 'no-native' });
  const browser = await chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-quic', '--disable-background-networking'],
  });
  const seen: Lent[] = [];
  try {
    for (let run = 0; run < runs; run++) seen.push(await lendAndClose(browser, relay));
  } finally {
    await browser.close();
    await relay.dispose();
  }
  const row = (what: string, goal: string, values: readonly number[]): Row => ({
    what,
    value: `${median(values).toFixed(0)} ms`,
    goal,
    note: spread(values, 0),
  });
  return [
    row(
      'a tab ready to share to being in the directory',
      '≤ 2,000 ms',
      seen.map(({ listedMs }) => listedMs),
    ),
    row(
      'tab closed mid-answer to the error, nobody being left to resume',
      'reported',
      seen.map(({ toldMs }) => toldMs),
    ),
    row(
      'tab closed to being out of the directory',
      '≤ 2,000 ms',
      seen.map(({ goneMs }) => goneMs),
    ),
  ];
}

interface Lent {
  readonly listedMs: number;
  readonly toldMs: number;
  readonly goneMs: number;
}

async function lendAndClose(browser: Browser, relay: RelayProcess): Promise<Lent> {
  const [worker, asker] = [await openTab(browser), await openTab(browser)];
  await worker.goto(`${relay.url}/share`);
  await worker.getByRole('button', { name: 'Start sharing' }).click();
  await worker.getByRole('button', { name: 'Stop sharing' }).waitFor();
  const listedMs = await until(relay, 1);

  await asker.goto(relay.url);
  await asker.getByRole('region', { name: 'Who will answer' }).getByText('browser tab').waitFor();
  await stallEngine(worker, 20);
  await asker.getByRole('textbox', { name: 'Message' }).fill('Tell me a long story');
  await asker.getByRole('button', { name: 'Send', exact: true }).click();
  await asker.getByRole('log').locator('article .prose :text-matches("\\\\w")').first().waitFor();
  const told = asker.getByRole('log').getByRole('alert').waitFor();
  const startedMs = performance.now();
  const [toldMs, goneMs] = await Promise.all([
    told.then(() => performance.now() - startedMs),
    until(relay, 0),
    worker.context().close(),
  ]);
  await asker.context().close();
  return { listedMs, toldMs, goneMs };
}

const openTab = async (browser: Browser): Promise<Page> => (await browser.newContext()).newPage();

/** Asks the relay every 10 ms until it lists so many models. */
async function until(relay: RelayProcess, models: number): Promise<number> {
  const startedMs = performance.now();
  while ((await modelsListed(relay.url)) !== models) {
    if (performance.now() - startedMs > 30_000)
      throw new Error(`the relay did not come to list ${models} models in 30 s`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return performance.now() - startedMs;
}
