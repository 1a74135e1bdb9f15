import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, type Browser, type Page } from '@playwright/test';
import { serveBuiltPage } from '../../fixtures/built-page.ts';
import { serveMlc } from './mlc-files.ts';

const root = fileURLToPath(new URL('page', import.meta.url));
const models = fileURLToPath(new URL('../../../static/models/', import.meta.url));

interface ModelRequest {
  readonly path: string;
  readonly range: string | undefined;
  readonly status: number;
}

export interface BenchPage {
  readonly page: Page;
  readonly browser: Browser;
  /** Requests for model files so far: path, range, status. */
  readonly requests: readonly ModelRequest[];
  readonly origin: string;
  close(): Promise<void>;
}

/** Builds the page of engines, serves it on a free loopback port with the product's headers, and opens it in Chromium. */
export async function openBenchPage(options: { readonly args?: readonly string[] } = {}): Promise<BenchPage> {
  const requests: ModelRequest[] = [];
  const { port, close } = await serveBuiltPage({
    root,
    minify: false,
    serve: (path, request, response) => serveModels(path, request, response, requests),
  });
  const browser = await chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-quic', '--disable-background-networking', ...(options.args ?? [])],
  });
  const page = await browser.newPage();
  page.on('console', (message) => {
    if (process.env['DEBUG_ENGINE']) process.stderr.write(`${message.type()}: ${message.text()}\n`);
  });
  await page.goto(`http://127.0.0.1:${port}/`);
  return {
    page,
    browser,
    requests,
    origin: `http://127.0.0.1:${port}`,
    async close() {
      await browser.close();
      await close();
    },
  };
}

/** Model files whole, cut short and slow, by range too; every request for one is noted. */
async function serveModels(
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
  requests: ModelRequest[],
): Promise<boolean> {
  if (path.startsWith('/models/')) {
    const whole = await readFile(join(models, 'tabloom-demo.gguf'));
    const bytes = path.endsWith('cut.gguf') ? whole.subarray(0, whole.length >> 1) : whole;
    const range = request.headers.range;
    const from = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
    const status = range ? 206 : 200;
    requests.push({ path, range, status });
    response.writeHead(status, {
      'content-length': bytes.length - from,
      ...(range ? { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` } : {}),
    });
    // The slow one never ends by itself: the page must cut it, and go on by range.
    if (path.endsWith('slow.gguf') && !range) response.write(bytes.subarray(0, 2 * 1024 * 1024));
    else response.end(bytes.subarray(from));
    return true;
  }
  if (path.startsWith('/mlc/')) {
    requests.push({ path, range: undefined, status: 200 });
    serveMlc(path, response, requests);
    return true;
  }
  return false;
}
