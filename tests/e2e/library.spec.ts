import { readFile } from 'node:fs/promises';
import type { Page } from '@playwright/test';
import { startRelay } from '../fixtures/relay-process.ts';
import { expectClean, look } from './fixtures/looks.ts';
import { startModelServer } from './fixtures/model-server.ts';
import { answers, send, sideBar, untilIdle, whoAnswers } from './fixtures/people.ts';
import { expect, test } from './fixtures/test.ts';

const message = (page: Page) => page.getByRole('textbox', { name: 'Message' });
const menuOf = (page: Page, title: string) => page.getByRole('button', { name: `More for conversation: ${title}` });

test('prompts by a slash, tags and an archive, a note about the user, and what to ask next', async ({
  newProfile,
  keep,
}) => {
  const server = await startModelServer((last) =>
    last.includes('Suggest three') ? '1. Who made it?\n2. How old is it?\n3. Where is it?' : 'It weaves.',
  );
  const relay = await startRelay({ native: 'with-native', env: { NATIVE_SERVER: server.url } });
  try {
    const page = await newProfile();
    await page.goto(relay.url);
    await expect(whoAnswers(page)).toContainText('native');

    await test.step('the first prompt is written from an empty message, by keys alone', async () => {
      await message(page).focus();
      await page.keyboard.type('/');
      await expect(page.getByRole('option', { name: 'Write your first prompt' })).toBeVisible();
      await page.keyboard.press('Enter');
      await expect(page).toHaveURL(/\/settings#prompts$/);
      const fresh = page.getByRole('button', { name: 'New prompt' });
      await expect(fresh).toBeEnabled();
      await fresh.press('Enter');
      const section = page.getByRole('region', { name: 'Prompts' });
      await section.getByLabel('Name').fill('Letter');
      await section.getByLabel('Text').fill('Write to {{whom}} about {{topic}}.');
      await section.getByLabel('Text').press('Tab');
      await page.keyboard.press('Enter');
      await expect(section.getByRole('listitem')).toContainText('Letter');
      await expect(fresh).toBeFocused();
    });

    await test.step('prompts of Open WebUI come in, and all go out', async () => {
      const file = [{ command: '/sum', title: 'Summarise', content: 'Summarise this.', timestamp: 1 }];
      await page
        .locator('#prompts input[type=file]')
        .setInputFiles({ name: 'p.json', mimeType: 'application/json', buffer: Buffer.from(JSON.stringify(file)) });
      await expect(page.locator('#prompts').getByRole('listitem')).toHaveCount(2);
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('button', { name: 'Export prompts' }).click(),
      ]);
      expect(JSON.parse(await readFile((await download.path())!, 'utf8'))).toMatchObject({
        tabloom: 'prompts',
        prompts: [{ name: 'Letter' }, { name: 'Summarise' }],
      });
      await look(page, 'settings-prompts', keep);
      await page.emulateMedia({ colorScheme: 'light' });
      await page.setViewportSize({ width: 1440, height: 900 });
    });

    await test.step('a number that cannot be taken is not, and says why', async () => {
      const longest = page.getByLabel('Longest answer');
      await longest.fill('9');
      await longest.press('Tab');
      await expect(page.getByRole('alert')).toContainText('Enter a number from 16 to 8,192.');
      await longest.fill('256');
      await longest.press('Tab');
      await expect(page.getByRole('alert')).toHaveCount(0);
    });

    await test.step('nothing is saved beside a field that cannot be taken', async () => {
      await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Chat', exact: true }).click();
      await page.getByRole('button', { name: 'Instructions and parameters' }).click();
      const options = page.getByRole('dialog', { name: 'Instructions and parameters' });
      await options.getByRole('combobox', { name: 'Preset' }).selectOption('Concise');
      await options.getByLabel('Save as a preset called').fill('Mine');
      const save = options.getByRole('button', { name: 'Save preset' });
      await expect(save).toBeEnabled();
      await options.getByLabel('Temperature').fill('9');
      await expect(save).toBeDisabled();
      await options.getByLabel('Temperature').fill('1');
      await expect(save).toBeEnabled();
      await options.getByRole('button', { name: 'Reset', exact: true }).click();
      await page.keyboard.press('Escape');
      await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Settings' }).click();
    });

    await test.step('the note and the suggestions are switched on', async () => {
      await page.getByRole('textbox', { name: 'About you' }).fill('I weave.');
      await page.getByRole('switch', { name: 'Suggest what to ask next' }).click();
      await expect(page.getByRole('switch', { name: 'In private mode too' })).toHaveAttribute('aria-checked', 'false');
    });

    await test.step('a prompt asks for its fields and stands in the message', async () => {
      await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Chat', exact: true }).click();
      await expect(page.getByText('Your note about you goes along')).toBeVisible();
      await message(page).focus();
      await page.keyboard.type('/lett');
      await expect(page.getByRole('option', { name: 'Letter' })).toHaveAttribute('aria-selected', 'true');
      await look(page, 'chat-prompts', keep);
      await page.emulateMedia({ colorScheme: 'light' });
      await page.setViewportSize({ width: 1440, height: 900 });
      await page.keyboard.press('Enter');
      const dialog = page.getByRole('dialog', { name: 'Letter' });
      await expect(dialog.getByLabel('whom')).toBeFocused();
      await page.keyboard.type('Ada');
      await expectClean(page, 'fields of a prompt');
      await dialog.getByLabel('topic').fill('looms');
      await page.keyboard.press('Enter');
      await expect(message(page)).toHaveValue('Write to Ada about looms.');
      await expect(message(page)).toBeFocused();
      // What is the name of no prompt is a message like any other.
      await message(page).fill('/etc/hosts');
      await expect(page.getByRole('listbox')).toHaveCount(0);
    });

    await test.step('whoever answers is told of the note, and asked what could be asked next', async () => {
      await send(page, 'What is a loom?');
      await untilIdle(page);
      const next = page.getByRole('region', { name: 'Ask next' });
      await expect(next.getByRole('button')).toHaveText(['Who made it?', 'How old is it?', 'Where is it?']);
      expect(server.asked.at(-2)).toEqual([
        { role: 'system', content: 'I weave.' },
        { role: 'user', content: 'What is a loom?' },
      ]);
      expect(JSON.stringify(server.asked.at(-1))).not.toContain('I weave.');
      await look(page, 'chat-follow-ups', keep);
      await page.emulateMedia({ colorScheme: 'light' });
      await page.setViewportSize({ width: 1440, height: 900 });
      await next.getByRole('button', { name: 'How old is it?' }).click();
      await expect(answers(page).last()).toContainText('How old is it?');
      await untilIdle(page);
      await expect(answers(page)).toHaveCount(2);
    });

    await test.step('a conversation is found by its tag, also in the archive', async () => {
      await menuOf(page, 'What is a loom?').click();
      await page.getByRole('menuitem', { name: 'Tags …' }).click();
      await page.getByRole('textbox', { name: 'Tags; empty for none' }).fill('Weaving, #work');
      await page.keyboard.press('Enter');
      await expect(sideBar(page)).toContainText('#weaving #work');
      await menuOf(page, 'What is a loom?').click();
      await page.getByRole('menuitem', { name: 'Archive' }).click();
      await expect(sideBar(page).getByRole('link', { name: 'What is a loom?' })).toBeHidden();
      await page.reload();
      await expect(sideBar(page).getByRole('button', { name: /^Archive/ })).toBeVisible();
      await expect(sideBar(page).getByRole('link', { name: 'What is a loom?' })).toBeHidden();
      await page.keyboard.press('Control+k');
      const palette = page.getByRole('dialog', { name: 'Search pages and actions' });
      await expect(palette.getByRole('combobox')).toBeFocused();
      await page.keyboard.type('#wea');
      const found = palette.getByRole('option');
      await expect(found).toHaveCount(1);
      await expect(found).toContainText(/What is a loom\?.*Archive · #weaving #work/);
      await page.keyboard.type(' old');
      await expect(found.filter({ hasText: 'How old is it?' })).toBeVisible();
      await page.keyboard.press('Escape');
      await sideBar(page)
        .getByRole('button', { name: /^Archive/ })
        .click();
      await expect(sideBar(page).getByRole('link', { name: 'What is a loom?' })).toBeVisible();
      await expectClean(page, 'the archive');
    });

    await test.step('in Arabic, from right to left', async () => {
      await page.evaluate(() => localStorage.setItem('tabloom-language', 'ar'));
      await page.goto(relay.url);
      await expect(page.getByRole('heading', { level: 1 })).toHaveText('اسأل الشبكة');
      await page.getByRole('textbox').last().fill('/');
      await expect(page.getByRole('option', { name: 'Letter' })).toBeVisible();
      await look(page, 'chat-prompts-ar', keep);
    });
  } finally {
    server.close();
    await relay.dispose();
  }
});

test('two models side by side, a file that is dropped, a picture of the camera, and an offer to install', async ({
  nativeRelay,
  newProfile,
  keep,
}) => {
  const page = await newProfile();
  await page.goto(nativeRelay.url);
  await expect(whoAnswers(page)).toContainText('native');

  await test.step('one question, two answers, and one that is kept', async () => {
    await page.getByRole('button', { name: 'Compare with another model' }).click();
    await send(page, 'hello');
    await untilIdle(page);
    const keepers = page.getByRole('button', { name: /^Keep this/ });
    await expect(keepers).toHaveCount(2);
    await look(page, 'chat-compared', keep);
    await page.setViewportSize({ width: 1440, height: 900 });
    await keepers.last().click();
    await expect(keepers).toHaveCount(0);
    await expect(answers(page)).toHaveCount(1);
    await expect(answers(page).last()).toContainText('2/2');
  });

  await test.step('a file is dropped on the page', async () => {
    const data = await page.evaluateHandle(() => {
      const transfer = new DataTransfer();
      transfer.items.add(new File(['the sea is calm'], 'sea.txt', { type: 'text/plain' }));
      return transfer;
    });
    await page.getByRole('log').dispatchEvent('dragover', { dataTransfer: data });
    await page.getByRole('log').dispatchEvent('drop', { dataTransfer: data });
    await expect(page.getByRole('list', { name: 'Attachments' })).toContainText('sea.txt');
  });

  await test.step('the camera of a device that has one gives a picture', async () => {
    const camera = page.locator('input[type=file][capture=environment]');
    await expect(camera).toHaveAttribute('accept', 'image/*');
    const picture = await page.screenshot({ clip: { x: 0, y: 0, width: 64, height: 64 } });
    await camera.setInputFiles({ name: 'photo.png', mimeType: 'image/png', buffer: picture });
    await expect(page.getByRole('list', { name: 'Attachments' })).toContainText('photo.png');
  });

  await test.step('the browser offers to install, and is asked once', async () => {
    await expect(page.getByRole('button', { name: 'Install Tabloom' })).toHaveCount(0);
    await page.evaluate(() => {
      const offer = Object.assign(new Event('beforeinstallprompt', { cancelable: true }), {
        prompt: async () => void (document.title = 'asked'),
        userChoice: Promise.resolve({ outcome: 'accepted' }),
      });
      dispatchEvent(offer);
    });
    const install = sideBar(page).getByRole('button', { name: 'Install Tabloom' });
    await expect(install).toBeVisible();
    await expectClean(page, 'an offer to install');
    await install.click();
    await expect(install).toHaveCount(0);
    expect(await page.title()).toBe('asked');
  });
});
