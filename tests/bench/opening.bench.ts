import { chromium } from '@playwright/test';
import { startRelay } from '../fixtures/relay-process.ts';
import { median, spread, type Row } from './row.ts';

export const needs = 'pages';

const runs = 5;

/** From the navigation to what a visitor sees: somebody who can answer, then the first words. Each run is a new profile. */
export default async function opening(): Promise<readonly Row[]> {
  const relay = await startRelay({ native: 'with-native' });
  const browser = await chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-quic', '--disable-background-networking'],
  });
  const offers: number[] = [];
  const tokens: number[] = [];
  try {
    for (let run = 0; run < runs; run++) {
      const context = await browser.newContext();
      const page = await context.newPage();
      const startedMs = performance.now();
      await page.goto(relay.url, { waitUntil: 'commit' });
      await page.getByRole('region', { name: 'Who will answer' }).getByText('tabloom-demo').waitFor();
      offers.push(performance.now() - startedMs);
      await page.getByRole('textbox', { name: 'Message' }).fill('hello');
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
      what: 'page open to first offer',
      value: `${median(offers).toFixed(0)} ms`,
      goal: '≤ 1,500 ms',
      note: spread(offers, 0),
    },
    {
      what: 'page open to first token',
      value: `${median(tokens).toFixed(0)} ms`,
      goal: '≤ 3,000 ms',
      note: spread(tokens, 0),
    },
  ];
}
