import { createZip, sheetFiles } from '../../workers/office/office.fixture.ts';
import { answers, send, untilIdle, visit } from './fixtures/people.ts';
import { expectClean } from './fixtures/looks.ts';
import { expect, test } from './fixtures/test.ts';

test('an Office document is read here, kept here, and found again for a question of another conversation', async ({
  nativeRelay,
  newProfile,
  keep,
}) => {
  const page = await newProfile();
  await page.goto(nativeRelay.url);
  const row = (text: string) => `<row><c t="str"><v>${text}</v></c><c><v>7</v></c></row>`;
  const sheets = sheetFiles({ Crew: row('sailor'), Treasure: row('gold under the lighthouse') });
  const [book, archive] = await Promise.all([createZip(sheets), createZip({ 'a.txt': 'x' })]);
  // The other one is the camera's.
  await page
    .locator('input[type=file]')
    .first()
    .setInputFiles([
      { name: 'book.xlsx', mimeType: '', buffer: Buffer.from(book) },
      { name: 'photos.zip', mimeType: '', buffer: Buffer.from(archive) },
    ]);
  await expect(page.getByRole('list', { name: 'Attachments' })).toContainText(/book\.xlsx\s*2 sheets/);
  await expect(page.getByText('photos.zip: The archive is no document')).toBeVisible();
  const toKeep = page.getByRole('button', { name: 'Keep on this device: book.xlsx' });
  await toKeep.click();
  await expect(toKeep).toHaveAttribute('aria-pressed', 'true');
  await page.getByRole('button', { name: 'Remove attachment: book.xlsx' }).click();

  await page.getByRole('button', { name: 'Documents', exact: true }).click();
  const shelf = page.getByRole('dialog', { name: 'Documents on this device' });
  await shelf.getByRole('textbox', { name: 'Name of book.xlsx' }).fill('Island');
  await page.keyboard.press('Tab');
  await expect(shelf.getByRole('button', { name: 'Attach Island' })).toBeVisible();
  await shelf.getByRole('switch', { name: 'Search all of them' }).click();
  await expectClean(page, 'documents on this device');
  await keep(page, 'chat-documents');
  await page.setViewportSize({ width: 390, height: 844 });
  await page.emulateMedia({ colorScheme: 'dark' });
  await expectClean(page, 'documents on this device, on a phone in the dark');
  await keep(page, 'chat-documents-390-dark');
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.keyboard.press('Escape');
  await send(page, 'Where is the lighthouse?');
  await untilIdle(page);
  const asked = page.getByRole('log').getByText('Island: 1 of 2 passages sent');
  await asked.click();
  await expect(page.getByRole('region', { name: 'What was sent:' })).toContainText('[Sheet 2: Treasure]');

  await visit(page, 'Settings');
  await expect(page.getByText(/^1 document, \d+ characters/)).toBeVisible();
  await page.goto(nativeRelay.url);
  await page.getByRole('button', { name: 'Documents', exact: true }).click();
  // Off in a conversation that was not told to search.
  await expect(shelf.getByRole('switch', { name: 'Search all of them' })).toHaveAttribute('aria-checked', 'false');
  await shelf.getByRole('button', { name: 'Attach Island' }).click();
  await expect(shelf.getByRole('button', { name: 'Attach Island' })).toBeDisabled();
  await shelf.getByRole('button', { name: 'Delete Island' }).click();
  await expect(shelf).toContainText('Nothing is kept yet.');
  await shelf.getByRole('button', { name: 'Done' }).click();
  await send(page, 'What is in it?');
  await untilIdle(page);
  await expect(answers(page)).toHaveCount(1);
  await expect(page.getByText('Island', { exact: true })).toBeVisible();
});
