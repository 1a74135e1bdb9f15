import type { Page } from '@playwright/test';
import { createPdf } from '../../workers/pdf/pdf.fixture.ts';
import { goldenAnswer } from './fixtures/golden.ts';
import {
  answers,
  answerTheSameEveryTime,
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
import { expectClean } from './fixtures/looks.ts';
import { stallEngine } from './fixtures/stall.ts';
import { expect, test } from './fixtures/test.ts';
import { launchOptionsOfTomorrow } from './fixtures/launch.ts';

const claims = [
  'The signature matches the receipt.',
  'The peer you asked signed it, with its engine and the time.',
  'It covers exactly what you sent.',
  'It covers exactly the text you received.',
  'Its token counts match what arrived.',
];

const tokensWritten = async (page: Page): Promise<number> =>
  Number((await liveMeter(page, 'Tokens written').locator('dd').first().textContent())!.replace(/\D/g, ''));

// Tabs find each other directly without what Chromium is about to forbid.
test.use({ launchOptions: launchOptionsOfTomorrow });

test('A lends its engine; B reads an answer that streams directly from A; curl does too; Stop ends it on A', async ({
  bareRelay,
  newProfile,
  keep,
}) => {
  const a = await newProfile();
  const b = await newProfile();

  await test.step('before: B sees that nobody serves, A reads what lending costs', async () => {
    await answerTheSameEveryTime(b, bareRelay.url);
    await expect(whoAnswers(b)).toContainText('Nobody is sharing a model right now');
    await expect(b.getByRole('region', { name: 'Answer on this device' })).toBeVisible();
    await a.goto(`${bareRelay.url}/share`);
    for (const cost of ['Download', 'Memory while sharing', 'Others may send', 'Others learn'])
      await expect(a.getByText(cost, { exact: true })).toBeVisible();
    await expect(a.getByText(/\d MB/).first()).toBeVisible();
    await keep(a, 'share-before');
  });

  await test.step('A presses Start sharing and stands in the directory', async () => {
    await startSharing(a, bareRelay.url);
    await expect.poll(() => modelsListed(bareRelay.url)).toBe(1);
    await expect(whoAnswers(b)).toContainText(/Peer .*, browser tab \(CPU\)/);
    await expect(whoAnswers(b)).toContainText('Open tier.');
    await keep(b, 'chat-before');
  });

  await test.step('B asks, and sees who answered, how, at which tier and speed', async () => {
    const log = await send(b, 'What is Tabloom?');
    await untilIdle(b);
    await expect(log).toContainText('What is Tabloom?');
    const answer = answers(b).last();
    await expect(answer).toContainText(goldenAnswer('What is Tabloom?'));
    await expect(answer).toContainText('browser tab (CPU)');
    await expect(answer).toContainText('direct connection');
    await expect(answer).toContainText('open tier');
    await expect(answer).toContainText(/\d tokens\/s/);
  });

  await test.step('B checks the receipt, claim by claim, and again from the bytes kept', async () => {
    const answer = answers(b).last();
    await answer.getByRole('button', { name: 'Receipt' }).click();
    await expect(answer).toContainText('5 of 5 checks passed');
    for (const claim of claims) {
      await expect(answer.getByRole('listitem').filter({ hasText: claim })).toContainText('Passed');
    }
    await expect(answer).toContainText('Countersigned');
    await answer.getByRole('button', { name: 'Check again' }).click();
    await expect(answer.getByRole('status')).toContainText('Checked again');
    await expect(answer).toContainText('5 of 5 checks passed');
    await keep(b, 'chat-receipt');
  });

  await test.step('curl is answered by tab A as well', async () => {
    const { choices, tabloom } = await curl(bareRelay.url, 'Hello!');
    expect(choices[0]!.message.content).toBe(goldenAnswer('Hello!'));
    expect(tabloom.role).toBe('tab');
    await expect(sideBar(a).getByTitle(tabloom.peer)).toBeVisible();
    await expect(a.getByRole('main')).toContainText(/Lately this device wrote [\d,]+ tokens for 2 other peers\./);
  });

  await test.step('Stop ends the generation on A, and nothing more arrives', async () => {
    await expect(liveMeter(a, 'Answers')).toContainText('none running');
    const before = await tokensWritten(a);
    const letGo = await stallEngine(a, 40);
    await send(b, 'Count to one hundred');
    await b.getByRole('log').getByText('1, 2, 3').waitFor();
    await b.getByRole('button', { name: 'Stop', exact: true }).click();
    await untilIdle(b);
    const stopped = answers(b).last();
    await expect(stopped).toContainText('Stopped');
    await expect(liveMeter(a, 'Answers')).toContainText('none running');
    // What A counts as written is what reached B, of an answer that would have taken hundreds.
    await expect(stopped).toContainText(new RegExp(`\\b${(await tokensWritten(a)) - before} tokens`));
    expect((await tokensWritten(a)) - before).toBeLessThanOrEqual(40);
    const text = await stopped.textContent();
    await letGo();
    await send(b, 'hello');
    await untilIdle(b);
    expect(await answers(b).nth(1).textContent()).toBe(text);
  });

  await test.step('A leaves the page and is out of the directory at once', async () => {
    await a.goto('about:blank');
    await expect.poll(() => modelsListed(bareRelay.url)).toBe(0);
    await expect(whoAnswers(b)).toContainText('Nobody is sharing a model right now');
  });
});

test('closing A in the middle gives B a coded message at once, and a retry that works', async ({
  bareRelay,
  newProfile,
  keep,
}) => {
  const [a, replacement, b] = [await newProfile(), await newProfile(), await newProfile()];
  await startSharing(a, bareRelay.url);
  await answerTheSameEveryTime(b, bareRelay.url);
  await expect(whoAnswers(b)).toContainText('browser tab');
  await stallEngine(a, 40);
  await send(b, 'Count to one hundred');
  await b.getByRole('log').getByText('1, 2, 3').waitFor();
  await a.close();
  const alert = b.getByRole('log').getByRole('alert');
  await expect(alert).toContainText('peer-lost');
  await expect(answers(b).last()).toContainText('1, 2, 3');
  await keep(b, 'chat-lost');

  await startSharing(replacement, bareRelay.url);
  await expect(whoAnswers(b)).toContainText('browser tab');
  await alert.getByRole('button', { name: 'Retry' }).click();
  await untilIdle(b);
  await expect(answers(b)).toHaveCount(1);
  await expect(answers(b).last()).toContainText(goldenAnswer('Count to one hundred').slice(0, 200));
  await expect(alert).toHaveCount(0);

  await test.step('the doctor remembers what happened', async () => {
    await visit(b, 'Doctor');
    await expect(b.getByRole('main')).toContainText('peer-lost');
  });
});

test('a conversation has an address: reload, Back, another tab, versions, and deleting with undo', async ({
  nativeRelay,
  newProfile,
  keep,
}) => {
  const page = await newProfile();
  await answerTheSameEveryTime(page, nativeRelay.url);
  await send(page, 'hello');
  await expect(page).toHaveURL(/\/c\/[0-9a-f]{32}$/);
  const address = page.url();
  await untilIdle(page);
  await expect(answers(page).last()).toContainText('native');
  // The line below an answer is shown once that has ended, which is a moment later.
  await expect(answers(page).last().getByRole('button', { name: 'Receipt' })).toBeVisible();
  const text = await answers(page).last().innerText();
  await page.reload();
  await expect(answers(page)).toHaveCount(1);
  // Not letter by letter: Markdown, once it is loaded, leaves out the line's end that plain text has.
  await expect(answers(page).last()).toHaveText(text, { useInnerText: true });

  await test.step('an answer goes on while another conversation is on screen', async () => {
    await page.getByRole('textbox', { name: 'Message' }).fill('a draft that stays');
    await page.getByRole('button', { name: 'New conversation' }).click();
    await expect(page).toHaveURL(`${nativeRelay.url}/`);
    await expect(page.getByRole('textbox', { name: 'Message' })).toHaveValue('');
    nativeRelay.suspend();
    await send(page, 'Count to one hundred');
    await expect(page).toHaveURL(/\/c\//);
    await sideBar(page).getByRole('link', { name: 'hello', exact: true }).click();
    await expect(page).toHaveURL(address);
    await expect(page.getByRole('textbox', { name: 'Message' })).toHaveValue('a draft that stays');
    nativeRelay.resume();
    await expect(sideBar(page).getByRole('link', { name: 'being answered' })).toHaveCount(0);
    await page.goBack();
    await expect(answers(page).last()).toContainText('1, 2, 3');
    await untilIdle(page);
  });

  await test.step('another tab follows, and asks in another version', async () => {
    const other = await page.context().newPage();
    await other.goto(address);
    await expect(answers(other)).toHaveCount(1);
    await answers(other).last().hover();
    await other.getByRole('button', { name: 'Edit question' }).click();
    await other.getByRole('textbox', { name: 'Edited question' }).fill('What is Tabloom?');
    await other.keyboard.press('Enter');
    await untilIdle(other);
    await expect(answers(other).last()).toContainText('2/2');
    await keep(other, 'chat-versions');
    await page.goto(address);
    await expect(answers(page).last()).toContainText(goldenAnswer('What is Tabloom?'));
    await page.getByRole('button', { name: 'Previous version' }).click();
    await expect(answers(page).last()).toContainText('1/2');
    await expect(answers(page).last()).toContainText('hello');
    await other.close();
  });

  await test.step('instructions, a file, a search, and a link that holds it all', async () => {
    await page.getByRole('button', { name: 'Instructions and parameters' }).click();
    await page.getByRole('combobox', { name: 'Preset' }).selectOption('Concise');
    await expectClean(page, 'instructions and parameters');
    await keep(page, 'chat-options');
    await page.getByRole('button', { name: 'Done' }).click();
    const text = 'The treasure lies under the lighthouse. '.repeat(400);
    const file = { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from(text) };
    const scan = { name: 'scan.pdf', mimeType: 'application/pdf', buffer: Buffer.from(createPdf([''])) };
    const pages = createPdf(['The cover.', 'The treasure is gold.']);
    const pdf = { name: 'island.pdf', mimeType: 'application/pdf', buffer: Buffer.from(pages) };
    // The other one is the camera's.
    await page.locator('input[type=file]').first().setInputFiles([file, scan, pdf]);
    const attached = page.getByRole('list', { name: 'Attachments' });
    await expect(attached).toContainText(/island\.pdf\s*2 pages/);
    await expect(page.getByText('scan.pdf: The PDF file holds pictures and no text')).toBeVisible();
    await page.reload();
    await expect(attached).toContainText(/notes\.txt.*island\.pdf/s);
    await expect(page.getByText('the passages that match your question best will be sent')).toBeVisible();
    await page.getByRole('switch', { name: 'Find passages by meaning too' }).click();
    await keep(page, 'chat-attachment');
    await send(page, 'Where is the treasure?');
    await untilIdle(page);
    await expect(answers(page).last()).toContainText(/notes\.txt: [1-9]\d* of \d+ passages sent/);
    await expectClean(page, 'an answer with an attachment');
    await page.keyboard.press('Control+k');
    await expect(page.getByRole('combobox', { name: 'Search pages and actions' })).toBeFocused();
    await page.keyboard.type('treasure');
    await expect(page.getByRole('option').filter({ hasText: 'Where is the treasure?' })).toBeVisible();
    await keep(page, 'chat-search');
    await page.getByRole('option').filter({ hasText: 'Where is the treasure?' }).click();
    await expect(page).toHaveURL(/#[0-9a-f]{32}$/);
    await expect(answers(page).filter({ hasText: 'Found by the search' })).toBeFocused();
    // It is the last one: the end is on screen already.
    await expect(page.getByRole('button', { name: 'To the end' })).toHaveCount(0);
    await keep(page, 'chat-found');
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.getByRole('button', { name: 'More for conversation: hello' }).click();
    await page.getByRole('menuitem', { name: 'Copy link with the conversation' }).click();
    await expect(page.getByText('Link copied.')).toBeVisible();
    const link = await page.evaluate(() => navigator.clipboard.readText());
    const reader = await newProfile({ width: 390 });
    await reader.goto(link);
    await expect(reader.getByText('Where is the treasure?')).toBeVisible();
    await expectClean(reader, 'a shared conversation');
    await keep(reader, 'shared-390');
    await reader.getByRole('button', { name: 'Keep a copy' }).click();
    await expect(reader).toHaveURL(address);
    await expect(answers(reader)).toHaveCount(2);
  });

  await test.step('deleted and put back', async () => {
    await page.getByRole('button', { name: 'More for conversation: hello' }).click();
    await expectClean(page, 'the menu of a conversation');
    await keep(page, 'chat-menu');
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    await expect(page).toHaveURL(`${nativeRelay.url}/`);
    await expect(sideBar(page).getByRole('link', { name: 'hello', exact: true })).toHaveCount(0);
    await keep(page, 'chat-undo');
    await page.getByRole('button', { name: 'Undo' }).click();
    await sideBar(page).getByRole('link', { name: 'hello', exact: true }).click();
    await expect(answers(page)).toHaveCount(2);
    await page.goto(`${nativeRelay.url}/c/${'0'.repeat(32)}`);
    await expect(page.getByRole('heading', { name: 'This conversation is not here' })).toBeVisible();
  });
});

test('D1: in private mode a full load opens nothing that was kept, and a question goes out alone', async ({
  nativeRelay,
  newProfile,
}) => {
  const page = await newProfile();
  await page.goto(nativeRelay.url);
  await send(page, 'hello');
  await untilIdle(page);
  await expect(page).toHaveURL(/\/c\//);
  const address = page.url();
  await visit(page, 'Settings');
  await page.getByRole('switch', { name: 'Private mode' }).click();
  await expect(sideBar(page)).toContainText('(private)');
  await page.goto(address);
  await expect(page.getByRole('heading', { name: 'Saved conversations stay closed' })).toBeVisible();
  await expect(answers(page)).toHaveCount(0);
  await visit(page, 'Chat');
  await expect(whoAnswers(page)).toContainText('native');
  await send(page, 'What is Tabloom?');
  await untilIdle(page);
  await expect(answers(page)).toHaveCount(1);
  await expect(page).toHaveURL(`${nativeRelay.url}/`);
  await expect(sideBar(page).getByText('hello')).toHaveCount(0);
});
