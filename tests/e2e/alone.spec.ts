import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Page } from '@playwright/test';
import { answers, modelsListed, send, sideBar, startSharing, untilIdle, visit, whoAnswers } from './fixtures/people.ts';
import { startRelay } from '../fixtures/relay-process.ts';
import { expect, test } from './fixtures/test.ts';

/** This device answers by itself: after consent, offline, and in the face of what goes wrong on a device. */

const modelFile = fileURLToPath(new URL('../../static/models/tabloom-demo.gguf', import.meta.url));
const thisDevice = (page: Page) => page.getByRole('region', { name: 'Answer on this device' });
const loadButton = (page: Page) => thisDevice(page).getByRole('button', { name: /load tabloom demo/i });

test('nothing is fetched before consent; then this device answers, and offline too with the relay gone', async ({
  newProfile,
  keep,
}) => {
  const relay = await startRelay({ native: 'no-native' });
  try {
    const page = await newProfile();
    const fetched: string[] = [];
    page.context().on('request', (request) => fetched.push(new URL(request.url()).pathname));
    await page.goto(relay.url);
    await expect(thisDevice(page)).toContainText(/Downloads \d.* once/);
    expect(fetched.filter((path) => path.endsWith('.gguf') || path.includes('wllama'))).toEqual([]);
    await loadButton(page).click();
    await expect(whoAnswers(page)).toContainText('This device');
    await send(page, 'hello');
    await untilIdle(page);
    await expect(answers(page).last()).toContainText('this device');

    await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
    const elsewhere = await page.context().newPage();
    expect((await elsewhere.goto(`${relay.url}/nothing-here`))?.status()).toBe(404);
    await expect(elsewhere.getByRole('link', { name: 'Back to the chat' })).toBeVisible();
    await elsewhere.close();
    await relay.halt();
    await page.context().setOffline(true);
    await page.reload();
    await expect(thisDevice(page)).toContainText('Already downloaded');
    await loadButton(page).click();
    await expect(whoAnswers(page)).toContainText('This device');
    await send(page, 'What is your name?');
    await untilIdle(page);
    await expect(answers(page)).toHaveCount(2);
    await expect(answers(page).last()).toContainText('this device');
    await keep(page, 'chat-offline');
    for (const place of ['Share', 'Network', 'Models', 'Doctor', 'Settings']) {
      await visit(page, place);
      await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
    }
    // Pages that others lead to, opened by their address: what was built ahead runs as well, and is not its picture alone.
    for (const path of ['/leaderboard', '/prices', '/keys', '/verify', '/embed']) {
      await page.goto(`${relay.url}${path}`);
      await expect(sideBar(page).locator('[title^="12D3"]')).toBeVisible();
    }
    await expect(page.getByRole('alert').filter({ hasText: 'part-missing' })).toBeVisible();
    await visit(page, 'Settings');
    // A language whose texts were never fetched: the page is English, and is read aloud as such.
    await page.evaluate(() => localStorage.setItem('tabloom-language', 'ar'));
    await page.reload();
    await expect(page.locator('html')).toHaveAttribute('lang', 'en');
    await expect(page.locator('html')).not.toHaveAttribute('dir');
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Settings');
    await page.evaluate(shareFromAnotherApp);
    await expect(page.getByRole('textbox', { name: 'Message' })).toHaveValue('Shared words');
    await expect(page.getByText('table.csv')).toBeVisible();
    await expect(answers(page)).toHaveCount(0);
  } finally {
    await relay.dispose();
  }
});

test('a model file cut short is a coded message; a retry gets the whole one', async ({ bareRelay, newProfile }) => {
  const page = await newProfile({ serviceWorkers: 'block' });
  const half = (await readFile(modelFile)).subarray(0, 1_000_000);
  await page.route('**/*.gguf', (route) => route.fulfill({ status: 200, body: half }));
  await page.goto(bareRelay.url);
  await loadButton(page).click();
  const alert = thisDevice(page).getByRole('alert');
  await expect(alert).toContainText('model-corrupt');
  await expect(alert).toContainText(/cut short/);
  // Nothing half-written stays.
  expect(await storedModelPieces(page)).toBe(0);
  await page.unroute('**/*.gguf');
  await alert.getByRole('button', { name: 'Retry' }).click();
  await expect(whoAnswers(page)).toContainText('This device');
  await expect(thisDevice(page)).toHaveCount(0);
});

test('an engine whose code comes incomplete is a coded message, and no endless wait', async ({
  bareRelay,
  newProfile,
}) => {
  const page = await newProfile({ serviceWorkers: 'block', crash: /WebAssembly\.instantiate/ });
  const empty = { status: 200, contentType: 'application/wasm', body: '' };
  await page.context().route('**/*.wasm', (route) => route.fulfill(empty));
  await page.goto(bareRelay.url);
  await loadButton(page).click();
  const alert = thisDevice(page).getByRole('alert');
  await expect(alert).toContainText('load-failed');
  await expect(alert.getByRole('button', { name: 'Retry' })).toBeEnabled();
});

test('a full disk is a coded message that says what to do; nothing half-written stays', async ({
  bareRelay,
  newProfile,
}) => {
  const page = await newProfile({ serviceWorkers: 'block' });
  await page.goto(bareRelay.url);
  await expect(loadButton(page)).toBeVisible();
  const browser = await page.context().newCDPSession(page);
  await browser.send('Storage.overrideQuotaForOrigin', { origin: bareRelay.url, quotaSize: 200_000 });
  await loadButton(page).click();
  await expect(thisDevice(page).getByRole('alert')).toContainText('quota-exceeded');
  expect(await storedModelPieces(page)).toBe(0);
  await browser.send('Storage.overrideQuotaForOrigin', { origin: bareRelay.url });
  await thisDevice(page).getByRole('alert').getByRole('button', { name: 'Retry' }).click();
  await expect(whoAnswers(page)).toContainText('This device');
});

test('an engine that dies while lending is started once more by itself; dying again, it says so and waits', async ({
  bareRelay,
  newProfile,
}) => {
  const page = await newProfile();
  await page.addInitScript(rememberWorkers);
  await startSharing(page, bareRelay.url);
  await expect.poll(() => modelsListed(bareRelay.url)).toBe(1);
  await page.evaluate(crashWorkers);
  await expect(page.getByRole('button', { name: 'Start sharing' })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Stop sharing' })).toBeVisible();
  await expect.poll(() => modelsListed(bareRelay.url)).toBe(1);

  await page.evaluate(crashWorkers);
  await expect(page.getByRole('alert')).toContainText('device-lost');
  await expect(page.getByRole('button', { name: 'Start sharing' })).toBeEnabled();
  await expect.poll(() => modelsListed(bareRelay.url)).toBe(0);
});

test('a device without WebGPU is told so in plain words, and can ask and lend all the same', async ({
  bareRelay,
  newProfile,
}) => {
  const page = await newProfile();
  await page.addInitScript(() => Object.defineProperty(Navigator.prototype, 'gpu', { value: undefined }));
  await page.goto(`${bareRelay.url}/share`);
  await expect(page.getByText(/no usable WebGPU, so models run on the CPU/)).toBeVisible();
  await expect(page.getByRole('button', { name: 'Start sharing' })).toBeEnabled();
  await visit(page, 'Doctor');
  await expect(page.getByRole('main')).toContainText('not in this browser');
});

test('what is stored may be anything: the page opens, answers, and keeps what can be kept', async ({
  nativeRelay,
  newProfile,
}) => {
  const page = await newProfile();
  await page.goto(nativeRelay.url);
  await send(page, 'hello');
  await untilIdle(page);
  await page.evaluate(spoilStorage);
  await page.reload();
  await expect(whoAnswers(page)).toContainText('native');
  await send(page, 'What is Tabloom?');
  await untilIdle(page);
  await expect(answers(page).last()).toContainText('native');
  for (const place of ['Share', 'Models', 'Settings']) {
    await visit(page, place);
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  }
});

test('D4: a browser that keeps nothing and throws at the look is told of in a sentence, and everything works', async ({
  nativeRelay,
  newProfile,
  keep,
}) => {
  const page = await newProfile({ serviceWorkers: 'block' });
  await page.addInitScript(() => {
    const forbidden = () => {
      throw new DOMException('The operation is insecure.', 'SecurityError');
    };
    for (const name of ['indexedDB', 'caches', 'localStorage', 'sessionStorage'])
      Object.defineProperty(globalThis, name, { get: forbidden });
  });
  await page.goto(nativeRelay.url);
  await expect(page.getByText('This browser stores nothing')).toBeVisible();
  await keep(page, 'chat-nothing-kept');
  await send(page, 'hello');
  await untilIdle(page);
  await expect(answers(page).last()).toContainText('native');
  await visit(page, 'Settings');
  await page.getByText('Dark', { exact: true }).click();
  await visit(page, 'Doctor');
  await expect(page.getByRole('main')).toContainText('this browser stores nothing');
});

test('D3: a part of the page that cannot be fetched says so in its place, and comes when it can', async ({
  bareRelay,
  newProfile,
  keep,
}) => {
  const page = await newProfile({ serviceWorkers: 'block' });
  await page.route('**/_app/immutable/**', async (route) => {
    const response = await route.fetch();
    if ((await response.text()).includes('Answer on this device')) await route.abort();
    else await route.fulfill({ response });
  });
  await page.route('**/_app/version.json', (route) => route.fulfill({ json: { version: 'newer' } }));
  await page.goto(bareRelay.url);
  const notice = page.getByRole('alert').filter({ hasText: 'part-missing' });
  await expect(notice).toContainText('could not be loaded');
  // It may be gone since a newer version took its place: that is looked for, and offered.
  await expect(page.getByText('Update available')).toBeVisible();
  await keep(page, 'chat-part-missing');
  await notice.getByRole('button', { name: 'Try again' }).click();
  await expect(notice).toBeVisible();
  await page.unroute('**/_app/immutable/**');
  await page.getByRole('textbox', { name: 'Message' }).fill('half a thought');
  await notice.getByRole('button', { name: 'Reload' }).click();
  await expect(thisDevice(page)).toBeVisible();
  await expect(page.getByRole('textbox', { name: 'Message' })).toHaveValue('half a thought');
  await expect(notice).toHaveCount(0);
});

test('D3: whichever file of a first answer is missing, the page says so and lives; the page for errors needs none of them', async ({
  bareRelay,
  newProfile,
}) => {
  const page = await newProfile({ serviceWorkers: 'block' });
  const html = (await (await page.goto(bareRelay.url))?.text()) ?? '';
  const named = [...html.matchAll(/href="([^"]+)" data-first-answer>/g)].map(([, path]) => path!);
  expect(named.length).toBeGreaterThan(2);
  await expect(thisDevice(page)).toBeVisible();

  for (const missing of named) {
    await page.route(`**${missing}`, (route) => route.abort());
    await page.reload();
    await expect(page.getByText('part-missing').first()).toBeVisible();
    await page.getByRole('textbox', { name: 'Message' }).fill('half a thought');
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Ask the network');
    await page.unroute(`**${missing}`);
  }

  const shell = html.replaceAll(/<link[^>]* data-first-answer>/g, '');
  await page.route('**/_app/immutable/**/*.js', (route) => {
    const name = route.request().url().split('/').at(-1)!;
    return shell.includes(name) || route.request().url().includes('/nodes/') ? route.continue() : route.abort();
  });
  await page.goto(`${bareRelay.url}/nothing-here`);
  await expect(page.getByRole('link', { name: 'Back to the chat' })).toBeVisible();
});

/** What the system's share sheet does with an installed app. */
function shareFromAnotherApp(): void {
  const form = document.createElement('form');
  Object.assign(form, { method: 'post', action: '/receive', enctype: 'multipart/form-data' });
  const text = Object.assign(document.createElement('textarea'), { name: 'text', value: 'Shared words' });
  const files = Object.assign(document.createElement('input'), { name: 'files', type: 'file' });
  const chosen = new DataTransfer();
  chosen.items.add(new File(['a,b'], 'table.csv', { type: 'text/csv' }));
  files.files = chosen.files;
  form.append(text, files);
  document.body.append(form);
  form.submit();
}

/** Keeps hold of the workers that the page starts. */
function rememberWorkers(): void {
  const started: Worker[] = [];
  Object.assign(globalThis, { started });
  globalThis.Worker = class extends Worker {
    constructor(...given: ConstructorParameters<typeof Worker>) {
      super(...given);
      started.push(this);
    }
  };
}

/** What the page hears when a worker has crashed. */
function crashWorkers(): void {
  const { started } = globalThis as unknown as { readonly started: Worker[] };
  for (const worker of started.splice(0)) worker.dispatchEvent(new ErrorEvent('error', { message: 'out of memory' }));
}

/** Overwrites every record with something else, and adds strangers. */
async function spoilStorage(): Promise<void> {
  const database = await new Promise<IDBDatabase>((resolve, reject) => {
    const request = indexedDB.open('tabloom');
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  const garbage = [null, 42, 'text', [1, 2], { id: 7, turns: 'many' }, new Uint8Array(3)];
  for (const name of database.objectStoreNames) {
    const transaction = database.transaction(name, 'readwrite');
    const store = transaction.objectStore(name);
    store.getAllKeys().onsuccess = ({ target }) => {
      const keys = (target as IDBRequest<IDBValidKey[]>).result;
      keys.forEach((key, index) => store.put(garbage[index % garbage.length], key));
      garbage.forEach((value, index) => store.put(value, `stranger-${index}`));
    };
    await new Promise((resolve) => transaction.addEventListener('complete', resolve));
  }
  database.close();
  localStorage.setItem('theme', '{');
  sessionStorage.setItem('tabloom-lending', '\u0000');
}

/** Pieces of model files in any cache of this page's origin. */
function storedModelPieces(page: Page): Promise<number> {
  return page.evaluate(async () => {
    let pieces = 0;
    for (const name of await caches.keys()) {
      const requests = await (await caches.open(name)).keys();
      pieces += requests.filter(({ url }) => /\/[0-9a-f]{64}\/\d+$/.test(url)).length;
    }
    return pieces;
  });
}
