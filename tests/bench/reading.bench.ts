import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chromium, type Page } from '@playwright/test';
import { startRelay } from '../fixtures/relay-process.ts';
import type { Row } from './row.ts';

export const needs = 'pages';

const wordsLong = 5_000;
const wordsPerSecond = 300;
const answers = 100;
const sentence = 'The **loom** weaves `threads` of many colours into one cloth, and nobody sees where one ends. ';

/**
 * What reading costs the page: how much is moved and for how long it does not react while a long answer arrives as fast as a
 * GPU writes it, and what a hundred answers leave in memory.
 */
export default async function reading(): Promise<readonly Row[]> {
  const server = await startServer();
  const relay = await startRelay({ native: 'with-native', env: { NATIVE_SERVER: server.url } });
  const browser = await chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-quic', '--disable-background-networking', '--js-flags=--expose-gc'],
  });
  try {
    const page = await browser.newPage();
    await page.goto(`${relay.url}/settings`);
    const longest = page.getByLabel('Longest answer');
    await longest.fill('8192');
    await longest.press('Tab');
    await page.goto(relay.url);
    await ask(page, 'short');
    await page.evaluate(watch);
    await ask(page, 'long', 120_000);
    const seen = await page.evaluate(() => (globalThis as unknown as { readonly seen: Seen }).seen);
    const before = await heapMb(page);
    for (let answer = 0; answer < answers; answer++) await ask(page, 'short');
    const after = await heapMb(page);
    const tasks = seen.tasks.toSorted((a, b) => b - a);
    return [
      {
        what: `layout shift while ${wordsLong.toLocaleString('en')} words arrive at ${wordsPerSecond} tokens/s`,
        value: seen.shift.toFixed(3),
        goal: '0',
        note: 'sum of the shifts that no input explains',
      },
      {
        what: 'longest task of the page meanwhile',
        value: tasks.length === 0 ? '< 50 ms' : `${tasks[0]!.toFixed(0)} ms`,
        goal: '< 50 ms',
        note: `${tasks.length} tasks over 50 ms`,
      },
      {
        what: `heap of the page after ${answers} answers more`,
        value: `${after.toFixed(1)} MB`,
        goal: 'reported',
        note: `${before.toFixed(1)} MB before, both after a collection`,
      },
    ];
  } finally {
    await browser.close();
    await relay.dispose();
    server.close();
  }
}

async function ask(page: Page, question: string, timeout = 30_000): Promise<void> {
  await page.getByRole('textbox', { name: 'Message' }).fill(question);
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await page.getByRole('button', { name: 'Stop', exact: true }).waitFor({ state: 'detached', timeout });
  await page.getByRole('log').locator('article').last().getByText('Receipt').waitFor();
}

interface Seen {
  shift: number;
  /** Milliseconds of each task over 50. */
  readonly tasks: number[];
}

/** Runs in the page. */
function watch(): void {
  const seen: Seen = { shift: 0, tasks: [] };
  Object.assign(globalThis, { seen });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries() as (PerformanceEntry & { value: number; hadRecentInput: boolean })[])
      if (!entry.hadRecentInput) seen.shift += entry.value;
  }).observe({ type: 'layout-shift' });
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) seen.tasks.push(duration);
  }).observe({ type: 'longtask' });
}

async function heapMb(page: Page): Promise<number> {
  const bytes = await page.evaluate(() => {
    (globalThis as unknown as { gc(): void }).gc();
    return (performance as unknown as { readonly memory: { readonly usedJSHeapSize: number } }).memory.usedJSHeapSize;
  });
  return bytes / 1e6;
}

/** A model server that answers `long` with as many words at that pace, and anything else with one sentence. */
async function startServer(): Promise<{ readonly url: string; readonly close: () => void }> {
  const server = createServer((request, response) => {
    if (request.method === 'GET') {
      response.end(JSON.stringify({ object: 'list', data: [{ id: 'essay', object: 'model', max_model_len: 32_768 }] }));
      return;
    }
    let body = '';
    request.on('data', (piece: Buffer) => (body += piece.toString()));
    request.on('end', () => {
      const { messages } = JSON.parse(body) as { readonly messages: readonly { readonly content: unknown }[] };
      const isLong = JSON.stringify(messages.at(-1)?.content ?? '').includes('long');
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      void write(response, isLong ? wordsLong : 16);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

const chunk = (content: string, reason: string | null = null): string =>
  `data: ${JSON.stringify({
    id: 'x',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'essay',
    choices: [{ index: 0, delta: content === '' ? {} : { content }, finish_reason: reason }],
  })}\n\n`;

async function write(response: ServerResponse, count: number): Promise<void> {
  const words = sentence.split(/(?<= )/);
  const startedMs = performance.now();
  for (let sent = 0; sent < count && !response.destroyed; sent++) {
    const dueMs = startedMs + (sent * 1_000) / wordsPerSecond;
    const waitMs = dueMs - performance.now();
    if (waitMs > 1) await new Promise((resolve) => setTimeout(resolve, waitMs));
    // A paragraph each hundred words.
    response.write(chunk(`${words[sent % words.length]!}${sent % 100 === 99 ? '\n\n' : ''}`));
  }
  response.end(`${chunk('', 'stop')}data: [DONE]\n\n`);
}
