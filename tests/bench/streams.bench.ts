import { chromium, type Browser, type Page } from '@playwright/test';
import { startRelay } from '../fixtures/relay-process.ts';
import type { PeerBench, Seen } from './page/main.ts';
import { servePage } from './pages.ts';
import { median, spread, type Row } from './row.ts';

export const needs = 'pages';

declare const bench: PeerBench;

const models = ['bundled', 30, 100, 300] as const;
const paths = ['direct', 'relayed'] as const;
const pairs = 5;

/**
 * What a reader loses to the network: tokens a second in B over tokens a second in A alone, and what is added to the
 * time to the first token, in pairs taken one after the other on a warm connection.
 */
export default async function streams(): Promise<readonly Row[]> {
  const pages = await servePage();
  const relay = await startRelay({ native: 'no-native', env: { ALLOWED_ORIGINS: pages.url } });
  const browser = await chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-quic', '--disable-background-networking'],
  });
  try {
    const info = (await (await fetch(`${relay.url}/relay.json`)).json()) as { peer: string };
    const address = `/dns4/localhost/tcp/${relay.port}/ws/p2p/${info.peer}`;
    const rows: Row[] = [];
    for (const model of models) {
      const a = await openPage(browser, pages.url);
      const worker = await a.evaluate((to) => bench.join(to, 'direct'), address);
      const artefact = await a.evaluate((wanted) => bench.load(wanted), model);
      await a.evaluate(() => bench.offer());
      for (const path of paths) {
        const b = await openPage(browser, pages.url);
        await b.evaluate(([to, by]) => bench.join(to, by), [address, path] as const);
        await b.waitForFunction((who) => bench.knows(who), worker);
        rows.push(...(await compare({ a, b, worker, artefact, path, model })));
        await b.context().close();
      }
      await a.context().close();
    }
    return rows;
  } finally {
    await browser.close();
    await relay.dispose();
    await pages.close();
  }
}

interface Comparison {
  readonly a: Page;
  readonly b: Page;
  readonly worker: string;
  readonly artefact: string;
  readonly path: (typeof paths)[number];
  readonly model: (typeof models)[number];
}

async function compare({ a, b, worker, artefact, path, model }: Comparison): Promise<readonly Row[]> {
  const ask = (): Promise<Seen> => b.evaluate(([who, what]) => bench.ask(who, what), [worker, artefact] as const);
  await ask();
  const ratios: number[] = [];
  const added: number[] = [];
  for (let pair = 0; pair < pairs; pair++) {
    const alone = await a.evaluate(() => bench.alone());
    const seen = await ask();
    if (seen.path !== path) throw new Error(`the job went ${seen.path}, not ${path}`);
    ratios.push(seen.tokensPerSecond / alone.tokensPerSecond);
    added.push(seen.ttftMs - alone.ttftMs);
  }
  const trips: number[] = [];
  for (let trip = 0; trip < 5; trip++) trips.push(await b.evaluate((who) => bench.ping(who), worker));
  const name = `${model === 'bundled' ? 'bundled model' : `scripted, ${model} tokens/s`}, ${path}`;
  return [
    {
      what: `tokens/s in B ÷ in A alone: ${name}`,
      value: median(ratios).toFixed(3),
      goal: '≥ 0.98',
      note: spread(ratios, 3),
    },
    {
      what: `added time to first token: ${name}`,
      value: `${median(added).toFixed(1)} ms`,
      goal: `≤ round trip + 5 ms = ${(median(trips) + 5).toFixed(1)} ms`,
      note: spread(added, 1),
    },
  ];
}

async function openPage(browser: Browser, url: string): Promise<Page> {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(url);
  await page.waitForFunction(() => 'bench' in globalThis);
  return page;
}
