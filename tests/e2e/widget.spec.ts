import type { Page } from '@playwright/test';
import { rm } from 'node:fs/promises';
import { runRelay, startRelay, temporaryFolder, type RelayProcess } from '../fixtures/relay-process.ts';
import { buildExamples, plainTag, wordpressTag } from './fixtures/examples.ts';
import { startForeignSite, type ForeignSite } from './fixtures/foreign-site.ts';
import { expectClean } from './fixtures/looks.ts';
import { expect, test } from './fixtures/test.ts';

/** The widget in pages of another site, under a policy that admits nothing but the relay, and requires Trusted Types. */

let relay: RelayProcess;
let site: ForeignSite;
let folder: string;
let key: string;

test.beforeAll(async () => {
  folder = await temporaryFolder();
  site = await startForeignSite(() => relay.url);
  const flags = ['--publishable', '--origins', site.origin, '--requests-per-day', '100'];
  const { text } = await runRelay(['keys', 'create', ...flags], { DATA_DIR: folder });
  key = /^pk_[\w-]{43}$/m.exec(text)![0];
  relay = await startRelay({ native: 'with-native', dataDir: folder });
});
test.afterAll(async () => {
  site.close();
  await relay?.dispose();
  await rm(folder, { recursive: true, force: true });
});

const panel = (page: Page) => page.getByRole('dialog', { name: 'Ask about the shop' });
const answer = (page: Page) => page.locator('tabloom-chat [part=answer]').last();
const by = (page: Page) => page.locator('tabloom-chat [part=answerer]').last();
const refused = (page: Page) => {
  const found: string[] = [];
  page.on('console', (message) => {
    if (/Content Security Policy|TrustedScript|Trusted Type/i.test(message.text())) found.push(message.text());
  });
  return found;
};

test('the frame: nothing is loaded unasked, the visitor’s own device answers, and it shares with nobody', async ({
  newProfile,
  keep,
}) => {
  const page = await newProfile({ width: 390 });
  const fetched: string[] = [];
  page.context().on('request', (request) => fetched.push(new URL(request.url()).pathname));
  site.page(
    '/frame',
    `<iframe src="${relay.url}/frame?heading=Ask+us" title="Chat" width="360" height="600"></iframe>`,
  );
  // Another origin of the same site: this browser lets frames of other sites store no model.
  await page.goto(`${site.origin.replace('127.0.0.1', 'localhost')}/frame`);
  const frame = page.frameLocator('iframe');
  const offer = frame.getByRole('button', { name: 'Answer on this device' });
  await expect(offer).toBeVisible();
  expect(fetched.filter((path) => /gguf|wllama|relay\.json/.test(path))).toEqual([]);
  // The other pages of the relay are no more to be reached from here than before.
  await expect(frame.getByRole('link')).toHaveAttribute('target', '_blank');
  await offer.click();
  await frame.getByRole('button', { name: /^Load Tabloom demo \(2\.8 MB\)/ }).click();
  await expect(frame.locator('[part=device]')).toContainText('This device answers now');
  await frame.getByRole('textbox').fill('hello');
  await frame.getByRole('textbox').press('Enter');
  await expect(frame.locator('[part=answerer]')).toHaveText('Answered on this device · tabloom-demo');
  await keep(page, 'widget-frame-390-light');
  expect(await (await fetch(`${relay.url}/v1/network`)).json()).toMatchObject({ workers_total: 1 });
});

test('the page that sets it up is clean, shows it live, and writes what to copy', async ({ newProfile, keep }) => {
  const page = await newProfile();
  await page.goto(`${relay.url}/embed`);
  const preview = page.locator('tabloom-chat');
  await expect(preview.getByRole('textbox')).toBeVisible();
  await page.getByLabel('Heading').fill('Ask "us"');
  await expect(page.locator('pre')).toContainText('data-heading="Ask &quot;us&quot;"');
  await page.getByLabel('Publishable key').fill('sk_secret');
  await expect(page.getByRole('alert')).toContainText('never put it into a page');
  await page.getByLabel('Publishable key').fill('');
  await preview.getByRole('textbox').fill('hello');
  await preview.getByRole('textbox').press('Enter');
  await expect(preview.locator('[part=answerer]')).toContainText('Answered by');
  await keep(page, 'embed-1440-light');
  await expectClean(page, 'embed');
  await page.setViewportSize({ width: 390, height: 844 });
  await page.emulateMedia({ colorScheme: 'dark' });
  await expectClean(page, 'embed in the dark', 'colours');
  await keep(page, 'embed-390-dark');
});

test('each example is a page that asks and hears the answer', async ({ newProfile }) => {
  const page = await newProfile();
  const violations = refused(page);
  const scripts = await buildExamples(relay.url, key);
  for (const [path, code] of scripts) site.page(path, code);
  for (const name of ['react', 'svelte', 'vue']) {
    const element = `<script src="${relay.url}/widget.js" data-mount="none" async></script>`;
    site.page(
      `/with-${name}`,
      `${element}<div id="app"></div><p id="heard"></p><script type="module" src="/${name}.js"></script>`,
    );
    await page.goto(`${site.origin}/with-${name}`);
    await page.getByRole('textbox', { name: 'Message' }).fill('hello');
    await page.keyboard.press('Enter');
    await expect(page.locator('#heard'), name).toContainText(/\w/);
  }
  for (const tag of [plainTag(relay.url, key), wordpressTag(relay.url, key)]) {
    site.page('/plain', tag);
    await page.goto(`${site.origin}/plain`);
    await page.getByRole('button', { name: 'Open chat' }).click();
    await page.getByRole('dialog').getByRole('textbox').fill('hello');
    await page.keyboard.press('Enter');
    await expect(by(page)).toContainText('tabloom-demo');
    // An answer that still runs is kept once more when it ends, and with it that the panel is open.
    await expect(page.getByRole('dialog').getByRole('button', { name: 'Send' })).toBeVisible();
    await page.evaluate(() => sessionStorage.clear());
  }
  expect(violations).toEqual([]);
});

test('one script: asked by keyboard, streamed, stopped, kept, and down the ladder when the relay is gone', async ({
  newProfile,
  keep,
}) => {
  const page = await newProfile({ width: 390 });
  const violations = refused(page);
  site.page(
    '/',
    `<script src="${relay.url}/widget.js" async data-key="${key}" data-heading="Ask about the shop" data-context="#facts"
      data-suggestions="hello|What is Tabloom?" data-endpoint="/chat"></script>`,
  );
  await page.goto(site.origin);

  await test.step('opens by keyboard, keeps the focus, and closes with Escape', async () => {
    const launcher = page.getByRole('button', { name: 'Open chat' });
    await launcher.focus();
    await page.keyboard.press('Enter');
    await expect(panel(page).getByRole('textbox', { name: 'Message' })).toBeFocused();
    await expectClean(page, 'the open panel');
    await keep(page, 'widget-390-light');
    for (let presses = 0; presses < 12; presses++) await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.localName)).toBe('tabloom-chat');
    await page.keyboard.press('Escape');
    await expect(panel(page)).toBeHidden();
    await expect(launcher).toBeFocused();
    await page.keyboard.press('Enter');
  });

  await test.step('the relay answers a key that names this page, and says who answered', async () => {
    await panel(page).getByRole('button', { name: 'hello', exact: true }).click();
    await expect(by(page)).toContainText('Answered by the network · tabloom-demo');
    await expect(answer(page)).not.toBeEmpty();
    await expect(panel(page).getByRole('button', { name: 'Send' })).toBeVisible();
  });

  await test.step('an answer that cannot come is stopped', async () => {
    relay.suspend();
    await panel(page).getByRole('textbox').fill('Count to one hundred');
    await page.keyboard.press('Enter');
    await panel(page).getByRole('button', { name: 'Stop' }).click();
    relay.resume();
    await expect(panel(page)).toContainText('Stopped.');
    await expect(panel(page).getByRole('button', { name: 'Send' })).toBeVisible();
  });

  await test.step('the next page of the site has it where it was', async () => {
    await panel(page).getByRole('textbox').fill('half a thought');
    await page.reload();
    await expect(panel(page).getByRole('textbox')).toHaveValue('half a thought');
    await expect(panel(page).locator('[part=question]')).toHaveText(['hello', 'Count to one hundred']);
    await expect(by(page)).toBeHidden();
    await expect(page.locator('tabloom-chat [part=answerer]').first()).toContainText('tabloom-demo');
  });

  await test.step('without the relay the site’s own endpoint answers, without the key', async () => {
    await relay.halt('SIGKILL');
    await panel(page).getByRole('textbox').fill('How much is the lamp?');
    await page.keyboard.press('Enter');
    await expect(by(page)).toHaveText('Answered by this site · site-model');
    await expect(answer(page).locator('strong')).toHaveText('our own');
    expect(site.asked[0]).toContain('The lamp costs 12 euros.');
    expect(site.asked[0]).not.toContain(key);
    await page.setViewportSize({ width: 1440, height: 900 });
    await page.emulateMedia({ colorScheme: 'dark' });
    await expectClean(page, 'the panel in the dark', 'colours');
    await keep(page, 'widget-1440-dark');
  });
  expect(violations).toEqual([]);
});
