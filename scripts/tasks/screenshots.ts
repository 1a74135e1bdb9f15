import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { chromium, type Browser, type Page } from '@playwright/test';
import { TabloomError, toErrorRecord } from '#lib/base/errors.ts';
import { launchOptions } from '../../tests/e2e/fixtures/launch.ts';
import { startRelay } from '../../tests/fixtures/relay-process.ts';
import { ensureChromium } from './chromium.ts';
import { projectRoot } from './tool.ts';

/**
 * `node scripts/run.mjs tasks/screenshots`, after a build: the pictures that the manifest shows before Tabloom is installed, taken
 * of the built page with a relay and its bundled model. Run it when the pages have changed, and look at what it made.
 */
const folder = join(projectRoot, 'static', 'screenshots');
const sizes = { wide: { width: 1280, height: 800 }, narrow: { width: 390, height: 844 } } as const;
const bytesMax = 60_000;
const qualities = [85, 70, 55, 40] as const;

const shots = {
  chat: async (page: Page, url: string) => {
    await page.goto(url);
    await page.getByRole('region', { name: 'Who will answer' }).getByText('native').waitFor();
    await page.getByRole('textbox', { name: 'Message' }).fill('What is Tabloom?');
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await page.getByRole('button', { name: 'Receipt' }).waitFor();
  },
  network: async (page: Page, url: string) => {
    await page.goto(`${url}/network`);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.getByText('1 peer sharing').filter({ visible: true }).first().waitFor();
  },
  share: async (page: Page, url: string) => {
    await page.goto(`${url}/share`);
    await page.locator('button:enabled', { hasText: 'Start sharing' }).waitFor();
  },
} as const;

const wanted = [
  ['wide', 'chat'],
  ['wide', 'network'],
  ['narrow', 'chat'],
  ['narrow', 'share'],
] as const;

async function take(browser: Browser, url: string, form: keyof typeof sizes, shot: keyof typeof shots): Promise<void> {
  const context = await browser.newContext({
    viewport: sizes[form],
    colorScheme: 'light',
    reducedMotion: 'reduce',
    serviceWorkers: 'block',
    locale: 'en-GB',
  });
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    await shots[shot](page, url);
    await page.evaluate(() => document.fonts.ready.then(() => undefined));
    await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
    const devtools = await context.newCDPSession(page);
    for (const quality of qualities) {
      const { data } = await devtools.send('Page.captureScreenshot', { format: 'webp', quality });
      const bytes = Buffer.from(data, 'base64');
      if (bytes.length > bytesMax) continue;
      await writeFile(join(folder, `${form}-${shot}.webp`), bytes);
      process.stdout.write(`${form}-${shot}.webp: ${bytes.length} bytes\n`);
      return;
    }
    throw new TabloomError(
      'too-large',
      `The picture ${form}-${shot} has more than ${bytesMax} bytes. Show less on it.`,
    );
  } finally {
    await context.close();
  }
}

async function main(): Promise<void> {
  await mkdir(folder, { recursive: true });
  const relay = await startRelay({ native: 'with-native' });
  const browser = await chromium.launch({ ...launchOptions, executablePath: await ensureChromium() });
  try {
    for (const [form, shot] of wanted) await take(browser, relay.url, form, shot);
  } finally {
    await browser.close();
    await relay.dispose();
  }
}

try {
  await main();
} catch (error) {
  const { code, message } = toErrorRecord(error);
  process.stderr.write(`${code}: ${message}\n`);
  process.exit(1);
}
