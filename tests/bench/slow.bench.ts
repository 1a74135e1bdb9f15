import { chromium } from '@playwright/test';
import { startRelay } from '../fixtures/relay-process.ts';
import { median, spread, type Row } from './row.ts';

export const needs = 'pages';

const runs = 3;
/** Chromium's own preset for slow 3G, and a processor that takes four times as long. */
const slow3G = { offline: false, latency: 2_000, downloadThroughput: 50_000, uploadThroughput: 50_000 };
const slowdown = 4;
const firstWordMax = 120_000;

/**
 * From the navigation to the first words on a slow phone: nothing is stored, and the relay answers. Chromium slows down requests;
 * the socket to the relay keeps its speed, so the network's part is the page's own files.
 */
export default async function slow(): Promise<readonly Row[]> {
  const relay = await startRelay({ native: 'with-native' });
  const browser = await chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-quic', '--disable-background-networking'],
  });
  const paints: number[] = [];
  const tokens: number[] = [];
  try {
    for (let run = 0; run < runs; run++) {
      const context = await browser.newContext({ viewport: { width: 390, height: 844 }, serviceWorkers: 'block' });
      const page = await context.newPage();
      page.setDefaultTimeout(firstWordMax);
      const devtools = await context.newCDPSession(page);
      await devtools.send('Network.enable');
      await devtools.send('Network.emulateNetworkConditions', slow3G);
      await devtools.send('Emulation.setCPUThrottlingRate', { rate: slowdown });
      const startedMs = performance.now();
      await page.goto(relay.url, { waitUntil: 'commit' });
      const box = page.getByRole('textbox', { name: 'Message' });
      await box.waitFor();
      paints.push(performance.now() - startedMs);
      await page.getByRole('region', { name: 'Who will answer' }).getByText('tabloom-demo').waitFor();
      await box.fill('hello');
      await page.getByRole('button', { name: 'Send', exact: true }).click();
      await page.getByRole('log').locator('article .prose :text-matches("\\\\w")').first().waitFor();
      tokens.push(performance.now() - startedMs);
      await context.close();
    }
  } finally {
    await browser.close();
    await relay.dispose();
  }
  return [
    {
      what: 'slow 3G, processor ÷ 4: page open to something to type into',
      value: `${(median(paints) / 1_000).toFixed(1)} s`,
      goal: '–',
      note: `${spread(paints, 0)}, ms`,
    },
    {
      what: 'slow 3G, processor ÷ 4: page open to first token',
      value: `${(median(tokens) / 1_000).toFixed(1)} s`,
      goal: '≤ 20 s',
      note: `${spread(tokens, 0)}, ms`,
    },
  ];
}
