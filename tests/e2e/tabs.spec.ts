import type { Page } from '@playwright/test';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import {
  answers,
  curl,
  liveMeter,
  modelsListed,
  send,
  sideBar,
  startSharing,
  untilIdle,
  visit,
  whoAnswers,
} from './fixtures/people.ts';
import { expectClean, expectFitting } from './fixtures/looks.ts';
import { stallEngine } from './fixtures/stall.ts';
import { expect, test } from './fixtures/test.ts';

const elsewhere = 'Another tab in this browser holds this device’s key';

test('two tabs of one browser: both ask, one lends, and the other can take over', async ({
  bareRelay,
  newProfile,
  keep,
}) => {
  const first = await newProfile();
  const second = await first.context().newPage();
  await startSharing(first, bareRelay.url);
  await expect.poll(() => modelsListed(bareRelay.url)).toBe(1);
  const own = await sideBar(first).locator('[title^="12D3"]').first().getAttribute('title');

  await test.step('the second is a guest: it asks the first, and may not lend', async () => {
    await second.goto(bareRelay.url);
    await expect(sideBar(second)).toContainText('this tab (guest)');
    await expect(whoAnswers(second)).toContainText('browser tab');
    await send(second, 'hello');
    await untilIdle(second);
    await expect(answers(second).last().getByTitle(own!)).toBeVisible();
    await second.goto(`${bareRelay.url}/share`);
    await expect(second.getByText(elsewhere)).toBeVisible();
    await expect(second.getByRole('button', { name: 'Start sharing' })).toBeDisabled();
    await keep(second, 'share-guest');
  });

  await test.step('it takes over: the first stops lending and goes on as a guest', async () => {
    await second.getByRole('button', { name: 'Use here' }).click();
    await expect(second.getByText(elsewhere)).toHaveCount(0);
    await expect(first.getByText(elsewhere)).toBeVisible();
    await expect(sideBar(second)).toContainText('this device');
    await expect(sideBar(second).getByTitle(own!)).toBeVisible();
    await expect.poll(() => modelsListed(bareRelay.url)).toBe(0);
    await second.getByRole('button', { name: 'Start sharing' }).click();
    await expect(second.getByRole('button', { name: 'Stop sharing' })).toBeVisible();
    await expect.poll(() => modelsListed(bareRelay.url)).toBe(1);
  });

  await test.step('when it is closed, the first has the key again', async () => {
    await second.close();
    await expect(first.getByText(elsewhere)).toHaveCount(0);
    await expect(sideBar(first).getByTitle(own!)).toBeVisible();
    await expect(first.getByRole('button', { name: 'Start sharing' })).toBeEnabled();
  });
});

test('two models are shared from one tab, both answer, and one stop ends both', async ({
  bareRelay,
  newProfile,
  keep,
}) => {
  const page = await newProfile({ serviceWorkers: 'block' });
  const [url, bytes] = [`${bareRelay.url}/models/second.gguf`, await secondModel()];
  await page.route(url, (route) => route.fulfill({ body: bytes, contentType: 'application/octet-stream' }));

  await test.step('a model of one’s own is added, and shared beside the bundled one', async () => {
    await startSharing(page, bareRelay.url);
    await visit(page, 'Models');
    await page.getByLabel('Name', { exact: true }).fill('second');
    await page.getByLabel('URL of the file').fill(url);
    await page.getByLabel('SHA-256').fill(createHash('sha256').update(bytes).digest('hex'));
    await page.getByLabel('Memory needed (GB)').fill('0.1');
    await page.getByLabel('Another build of').selectOption('SmolLM2 360M');
    await page.getByRole('button', { name: 'Add model' }).click();
    // Without WebGPU the processor's build is the one to use.
    const second = page.getByRole('listitem').filter({ has: page.getByRole('link', { name: 'second' }) });
    await expect(second).toContainText('The only build that runs here.');
    await visit(page, 'Share');
    await page.getByRole('button', { name: 'Share this one too' }).click();
    const rows = page.getByRole('list', { name: 'Shared models' });
    await expect(rows.getByRole('button', { name: 'Stop second' })).toBeVisible({ timeout: 40_000 });
    await expect(rows.getByRole('listitem')).toHaveCount(2);
    await expect.poll(() => modelsListed(bareRelay.url)).toBe(2);
    await keep(page, 'share-two');
    await page.setViewportSize({ width: 390, height: 844 });
    await keep(page, 'share-two-390');
    await expectClean(page, 'two shared models');
    await mirror(page, 'rtl');
    await expectFitting(page, 'two shared models from right to left');
    await mirror(page, 'ltr');
    await page.setViewportSize({ width: 1440, height: 900 });
  });

  await test.step('each answers who asks for it', async () => {
    for (const model of ['tabloom-demo', 'second']) {
      const { choices, tabloom } = await curl(bareRelay.url, 'hello', model);
      expect(tabloom.role).toBe('tab');
      expect(choices[0]!.message.content).not.toBe('');
    }
    await expect(liveMeter(page, 'Answers')).toContainText('2');
  });

  await test.step('Models says what is in memory; a stop ends both', async () => {
    await visit(page, 'Models');
    await expect(page.getByText('In memory: ')).toContainText('second');
    await keep(page, 'models-in-memory');
    await page.setViewportSize({ width: 390, height: 844 });
    await expectClean(page, 'models in memory');
    await mirror(page, 'rtl');
    await expectFitting(page, 'models in memory from right to left');
    await mirror(page, 'ltr');
    await page.setViewportSize({ width: 1440, height: 900 });
    await visit(page, 'Share');
    await page.getByRole('button', { name: 'Stop sharing' }).click();
    await expect.poll(() => modelsListed(bareRelay.url)).toBe(0);
    await expect(page.getByRole('list', { name: 'Shared models' })).toHaveCount(0);
  });
});

/** As a language has it that is written in this direction, without loading the page anew. */
const mirror = (page: Page, dir: 'rtl' | 'ltr') =>
  page.evaluate((direction) => (document.documentElement.dir = direction), dir);

/** The bundled model with bytes behind its weights, which no engine reads: another file, and another model. */
async function secondModel(): Promise<Buffer> {
  const model = await readFile(new URL('../../static/models/tabloom-demo.gguf', import.meta.url));
  return Buffer.concat([model, Buffer.alloc(64)]);
}

test('D9: Cancel ends sharing while the speed is measured, and nothing is announced', async ({
  bareRelay,
  newProfile,
}) => {
  const page = await newProfile({ serviceWorkers: 'block' });
  // The model arrives when its engine is stalled: on a busy machine it could have been measured before.
  const isStalled = Promise.withResolvers<void>();
  await page.route('**/*.gguf', async (route) => {
    await isStalled.promise;
    await route.continue();
  });
  await page.goto(`${bareRelay.url}/share`);
  const stalled = stallEngine(page, 0);
  await page.getByRole('button', { name: 'Start sharing' }).click();
  await stalled;
  isStalled.resolve();
  await expect(page.getByText('Measuring this device’s speed')).toBeVisible();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await expect(page.getByRole('button', { name: 'Start sharing' })).toBeEnabled();
  expect(await modelsListed(bareRelay.url)).toBe(0);
  await page.getByRole('button', { name: 'Start sharing' }).click();
  await expect(page.getByRole('button', { name: 'Stop sharing' })).toBeVisible({ timeout: 40_000 });
  await expect(page.getByText('Everyone on this network can see it')).toBeVisible();
});

test('D10: a worker five minutes ahead is listed and answers an asker five minutes behind', async ({
  bareRelay,
  newProfile,
  keep,
}) => {
  const [worker, asker] = [await newProfile(), await newProfile({ width: 390 })];
  await setClock(worker, 5);
  await setClock(asker, -5);
  await startSharing(worker, bareRelay.url);
  await expect(worker.getByText('Your clock is 5 min ahead; corrected here.')).toBeVisible();
  await expect(worker.getByText('Everyone on this network can see it')).toBeVisible();
  await expect.poll(() => modelsListed(bareRelay.url)).toBe(1);
  await keep(worker, 'share-clock');
  await asker.goto(bareRelay.url);
  await expect(whoAnswers(asker)).toContainText('browser tab');
  await send(asker, 'hello');
  await untilIdle(asker);
  await expect(answers(asker).last()).toContainText('browser tab');
  await asker.goto(`${bareRelay.url}/doctor`);
  await asker.getByText('Your clock is 5 min behind; corrected here.').first().scrollIntoViewIfNeeded();
  await keep(asker, 'doctor-clock-390');
  await asker.goto(`${bareRelay.url}/share`);
  await expect(asker.getByText('Your clock is 5 min behind; corrected here.')).toBeVisible();
  await keep(asker, 'share-clock-390');
  await visit(worker, 'Doctor');
  await worker.getByText('Listed', { exact: true }).scrollIntoViewIfNeeded();
  await keep(worker, 'doctor-clock-1440');
});

/** This profile's clock, off by so many minutes. */
async function setClock(page: Page, minutes: number): Promise<void> {
  await page.addInitScript((ms) => {
    const Real = Date;
    const now = () => Real.now() + ms;
    class Off extends Real {
      constructor(...given: [] | [number]) {
        super(given.length === 0 ? now() : given[0]);
      }
      static override now = now;
    }
    globalThis.Date = Off as DateConstructor;
  }, minutes * 60_000);
}
