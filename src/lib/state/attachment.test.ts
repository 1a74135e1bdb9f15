import { expect, test } from 'vitest';
import { attachmentRoom, attachmentsFit, promptWith, splitPassages } from './attachment.ts';
import { rankPassages } from './search-index.ts';

const file = (name: string, text: string) => ({ id: name, name, text });

test('what fits goes whole, before the question', async () => {
  const attachments = [file('a.txt', 'alpha'), file('b.csv', 'x,y')];
  const { prompt, attachments: sent } = await promptWith('Which?', attachments, 500, rankPassages);
  expect(prompt).toBe('[File a.txt]\nalpha\n[End of a.txt]\n\n[File b.csv]\nx,y\n[End of b.csv]\n\nWhich?');
  expect(sent).toEqual(attachments);
  // Asked again where there is more room, nothing is said of passages any more.
  const before = attachments.map((attachment) => ({ ...attachment, passages: { sent: 1, of: 9 } }));
  expect((await promptWith('Which?', before, 500, rankPassages)).attachments).toEqual(attachments);
});

test('of a text that is too long the passages that match go, in its order, and it is said how many', async () => {
  const paragraph = (i: number) => `Paragraph ${i} ${'speaks of the weather at sea. '.repeat(24)}\n\n`;
  const paragraphs = Array.from({ length: 60 }, (_, i) => paragraph(i));
  paragraphs[41] = `The treasure lies under the old lighthouse. ${'Nothing else here. '.repeat(30)}\n\n`;
  const long = file('log.txt', paragraphs.join(''));
  const room = 3_000;
  expect(attachmentsFit([long], room)).toBe(false);
  const { prompt, attachments } = await promptWith('Where is the treasure?', [long], room, rankPassages);
  expect(prompt).toContain('The treasure lies under the old lighthouse.');
  expect(prompt.length).toBeLessThanOrEqual(room + 'Where is the treasure?'.length + 4);
  const { passages } = attachments[0]!;
  expect(passages!.of).toBeGreaterThan(50);
  expect(passages!.sent).toBeGreaterThan(1);
  expect(passages!.sent).toBeLessThan(passages!.of);
  expect(prompt.indexOf('Paragraph 0')).toBeLessThan(prompt.indexOf('treasure lies'));
});

test('a model with a small context gets what it can hold, not nothing', async () => {
  const text = `${'The weather is fine. '.repeat(300)}The treasure lies under the lighthouse. ${'It rains. '.repeat(300)}`;
  const { prompt, attachments } = await promptWith('Where is the treasure?', [file('n.txt', text)], 500, rankPassages);
  expect(prompt).toContain('The treasure lies under the lighthouse.');
  expect(attachments[0]!.passages!.sent).toBeGreaterThan(1);
  expect(prompt.length).toBeLessThanOrEqual(500 + 'Where is the treasure?'.length + 4);
});

test('passages joined are the text, wherever it can be cut', () => {
  for (const text of [
    '',
    'short',
    'x'.repeat(5_000),
    'word '.repeat(900),
    'line\n'.repeat(900),
    'a. b. '.repeat(700),
  ]) {
    const passages = splitPassages(text);
    expect(passages.join('')).toBe(text);
    expect(Math.max(0, ...passages.map(({ length }) => length))).toBeLessThanOrEqual(800);
  }
});

test('there is never room for more than the wire takes, nor less than none', () => {
  expect(attachmentRoom('', 1e6, 512)).toBe(60_000);
  expect(attachmentRoom('q'.repeat(100), 2_048, 512)).toBe((2_048 - 512 - 64) * 3 - 100);
  expect(attachmentRoom('q'.repeat(9_000), 2_048, 512)).toBe(0);
});

test('a text with pages says which is which, and so does each of its passages', async () => {
  const pages = ['The cover.\n\n', 'Nothing of interest here.\n\n', 'The treasure lies under the lighthouse.\n\n'];
  const pdf = { ...file('a.pdf', pages.join('')), pages: [0, pages[0]!.length, (pages[0]! + pages[1]!).length] };
  const whole = await promptWith('Where?', [pdf], 500, rankPassages);
  expect(whole.prompt).toBe(`[File a.pdf]
[Page 1]
The cover.

[Page 2]
Nothing of interest here.

[Page 3]
The treasure lies under the lighthouse.


[End of a.pdf]

Where?`);
  const sheets = { ...file('b.xlsx', 'one\n\ntwo'), pages: [0, 5], unit: 'sheet' as const, titles: ['Sums', ''] };
  expect((await promptWith('?', [sheets], 500, rankPassages)).prompt).toBe(`[File b.xlsx]
[Sheet 1: Sums]
one

[Sheet 2]
two
[End of b.xlsx]

?`);
  expect(attachmentsFit([pdf], 100)).toBe(false);
  const { prompt, attachments } = await promptWith('Where is the treasure?', [pdf], 120, rankPassages);
  expect(prompt).toContain('[Page 3]\nThe treasure lies');
  expect(attachments[0]?.passages?.of).toBe(3);
});

test('a picture is no text: it takes no room and stands in no prompt', async () => {
  const picture = { mime: 'image/jpeg', bytes: new Uint8Array(9), sha256: 'a', width: 1, height: 1 } as const;
  const attachments = [{ ...file('p.jpg', ''), picture }, file('a.txt', 'alpha')];
  expect(attachmentsFit([attachments[0]!], 0)).toBe(true);
  const whole = await promptWith('What?', attachments, 500, rankPassages);
  expect(whole.prompt).toBe('[File a.txt]\nalpha\n[End of a.txt]\n\nWhat?');
  expect(whole.attachments).toEqual(attachments);
  const cut = await promptWith('What?', [attachments[0]!, file('b.txt', 'beta '.repeat(200))], 200, rankPassages);
  expect(cut.attachments.map(({ name, passages }) => [name, passages !== undefined])).toEqual([
    ['p.jpg', false],
    ['b.txt', true],
  ]);
});
