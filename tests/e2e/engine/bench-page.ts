import { createServer, type Server } from 'node:http';
import { serveMlc } from './mlc-files.ts';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, type Browser, type Page } from '@playwright/test';
import { build } from 'vite';

const here = fileURLToPath(new URL('.', import.meta.url));
const models = fileURLToPath(new URL('../../../static/models/', import.meta.url));
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.wasm': 'application/wasm',
};

export interface BenchPage {
  readonly page: Page;
  readonly browser: Browser;
  /** Requests for model files so far: path, range, status. */
  readonly requests: readonly { readonly path: string; readonly range: string | undefined; readonly status: number }[];
  readonly origin: string;
  close(): Promise<void>;
}

/** Builds the page of engines, serves it on a free loopback port with the product's headers, and opens it in Chromium. */
export async function openBenchPage(options: { readonly args?: readonly string[] } = {}): Promise<BenchPage> {
  const outDir = await mkdtemp(join(tmpdir(), 'tabloom-engine-'));
  await build({
    root: join(here, 'page'),
    base: './',
    configFile: false,
    logLevel: 'error',
    publicDir: false,
    worker: { format: 'es' },
    build: { outDir, emptyOutDir: true, target: 'es2022', minify: false, chunkSizeWarningLimit: 100_000 },
  });
  const requests: { path: string; range: string | undefined; status: number }[] = [];
  const server = await serve(outDir, requests);
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
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
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
      await rm(outDir, { recursive: true, force: true });
    },
  };
}

async function serve(
  outDir: string,
  requests: { path: string; range: string | undefined; status: number }[],
): Promise<Server> {
  const server = createServer(async (request, response) => {
    const path = normalize(new URL(request.url ?? '/', 'http://localhost').pathname);
    try {
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
        if (path.endsWith('slow.gguf') && !range) return void response.write(bytes.subarray(0, 2 * 1024 * 1024));
        return void response.end(bytes.subarray(from));
      }
      if (path.startsWith('/mlc/')) {
        requests.push({ path, range: undefined, status: 200 });
        return serveMlc(path, response, requests);
      }
      const file = await readFile(join(outDir, path === '/' ? 'index.html' : path));
      response.writeHead(200, {
        'content-type': types[extname(path === '/' ? 'index.html' : path)] ?? 'application/octet-stream',
        'document-isolation-policy': 'isolate-and-credentialless',
        'cross-origin-opener-policy': 'same-origin-allow-popups',
      });
      response.end(file);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
