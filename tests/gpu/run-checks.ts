import { chromium, type Browser, type Page } from '@playwright/test';
import { TabloomError } from '#lib/base/errors.ts';
import type { Options } from './options.ts';
import type { GpuPage } from './page/main.ts';
import type { GpuTestServer } from './serve.ts';
import type { Findings, Result } from './table.ts';

declare const gpu: GpuPage;

const speedRuns = { tokens: 64, pairs: 3 };

/** Runs every check in one browser, a page each, and tells each result as it comes. @throws `no-webgpu`. */
export async function runGpuChecks(
  served: GpuTestServer,
  options: Options,
  chromiumPath: string,
  tell: (result: Result) => void,
): Promise<Findings> {
  const browser = await chromium.launch({
    executablePath: chromiumPath,
    headless: !options.headed,
    args: ['--no-sandbox', '--enable-unsafe-webgpu', ...options.browserArgs],
  });
  const results: Result[] = [];
  const record = (result: Result) => {
    results.push(result);
    tell(result);
  };
  const context = await browser.newContext();
  const withPage = async <T>(what: string, limitMs: number, work: (page: Page) => Promise<T>): Promise<T> => {
    const page = await context.newPage();
    page.on('console', (message) => {
      if (process.env['DEBUG_ENGINE']) process.stderr.write(`${message.type()}: ${message.text()}\n`);
    });
    try {
      await page.goto(served.origin);
      await page.waitForFunction(() => 'gpu' in globalThis);
      return await limited(work(page), limitMs, what);
    } finally {
      await page.close();
    }
  };
  const setup = {
    f16: options.f16,
    contextTokens: options.contextTokens,
    cancelGraceMs: options.extent === 'short' ? options.checkLimitMs : 4_000,
  };
  const wanted = (name: string) => options.only.length === 0 || options.only.some((text) => name.includes(text));
  try {
    const device = await withPage('device', options.checkLimitMs, (page) => page.evaluate(() => gpu.device()));
    if (device.webgpu === 'none') throw new TabloomError('no-webgpu', device.obstacle ?? 'No GPU.');
    const list = await withPage('list', options.checkLimitMs, (page) =>
      page.evaluate((extent) => gpu.list(extent), options.extent),
    );
    for (const { name, refused } of list.filter((one) => wanted(one.name))) {
      if (refused)
        await withPage(name, options.checkLimitMs, (page) => page.evaluate((how) => gpu.fill(how), setup)).catch(
          failure,
        );
      const before = served.refusals;
      served.refuse(refused);
      const { code, note } = await withPage(name, options.checkLimitMs, (page) =>
        page.evaluate(([what, how]) => gpu.run(what, how), [name, setup] as const),
      ).catch(failure);
      served.refuse(false);
      const asked = served.refusals - before;
      const offline = asked === 0 ? '' : `the network was asked ${asked} times; `;
      record({
        what: name,
        passed: code === 'ok' && asked === 0,
        note: offline + (code === 'ok' ? note : `${code}: ${note}`),
      });
    }
    const lost = 'a device taken away ends the answer, and a new load works';
    if (options.extent === 'all' && wanted(lost)) {
      const { code, again } = await withPage(lost, options.checkLimitMs, (page) =>
        loseDevice(browser, page, setup),
      ).catch((error: unknown) => ({ code: failure(error).note, again: '' }));
      record({ what: lost, passed: code === 'device-lost' && again === '3 tokens', note: `${code}; then ${again}` });
    }
    const speed =
      options.extent === 'all' && wanted('speed')
        ? await withPage('speed', options.checkLimitMs, (page) =>
            page.evaluate(([how, { tokens, pairs }]) => gpu.measureSpeed(how, tokens, pairs), [
              setup,
              speedRuns,
            ] as const),
          ).catch((error: unknown) => void record({ what: 'speed', passed: false, note: failure(error).note }))
        : undefined;
    return {
      device: `${device.name}${device.f16 ? ', shader-f16' : ''}`,
      browser: browser.version(),
      results,
      speed: speed ?? undefined,
      speedTokens: speedRuns.tokens,
    };
  } finally {
    await browser.close();
  }
}

/** Ends the browser's GPU process in the middle of an answer: the only way a page's device is lost from outside. */
async function loseDevice(browser: Browser, page: Page, setup: Parameters<GpuPage['loseDevice']>[0]) {
  let streaming: () => void = () => undefined;
  const streams = new Promise<void>((resolve) => (streaming = resolve));
  await page.exposeFunction('streaming', () => streaming());
  const outcome = page.evaluate((how) => gpu.loseDevice(how), setup);
  await Promise.race([streams, outcome]);
  const session = await browser.newBrowserCDPSession();
  // The command ends the process that would answer it.
  void session.send('Browser.crashGpuProcess').catch(() => undefined);
  return outcome;
}

const failure = (error: unknown) => ({ code: 'not-finished', note: String(error).slice(0, 512) });

/** Loses the race against the clock with an error; the page is closed then, which ends whatever it did. */
async function limited<T>(work: Promise<T>, limitMs: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`"${what}" took longer than ${limitMs / 1_000} s`)), limitMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    work.catch(() => undefined);
  }
}
