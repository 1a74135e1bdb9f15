import { expect, test } from 'vitest';
import { createPdf } from './pdf.fixture.ts';
import { readPdf } from './read-pdf.ts';

const limits = { partsMax: 10, lengthMax: 1_000 };

test('the text of each page, and where it begins', async () => {
  const read = await readPdf(createPdf(['Hello', '', 'The third page']), limits);
  expect(read).toEqual({ outcome: 'done', text: 'Hello\n\n\n\nThe third page\n\n', pages: [0, 7, 9] });
});

test('a scan has no text, and is not taken for an empty file', async () => {
  expect(await readPdf(createPdf(['', '']), limits)).toEqual({ outcome: 'no-text' });
});

test('what is no PDF, or a broken one, is told from one that takes a password', async () => {
  for (const text of ['', 'nothing', '%PDF-1.4\nxref'])
    expect(await readPdf(new TextEncoder().encode(text), limits), text).toEqual({ outcome: 'broken' });
  const key = '41'.repeat(32);
  const locked = `/ID [<${'00'.repeat(16)}> <${'00'.repeat(16)}>]
    /Encrypt << /Filter /Standard /V 1 /R 2 /Length 40 /P -4 /O <${key}> /U <${key}> >>`;
  expect(await readPdf(createPdf(['secret'], locked), limits)).toEqual({ outcome: 'locked' });
});

test('too many pages, or too long a text, is refused and not cut', async () => {
  const pages = Array.from({ length: 11 }, (_, index) => `Page ${index}`);
  expect(await readPdf(createPdf(pages), limits)).toEqual({ outcome: 'too-long' });
  const two = createPdf(['x'.repeat(30), 'y'.repeat(30)]);
  expect(await readPdf(two, { ...limits, lengthMax: 50 })).toEqual({ outcome: 'too-long' });
});
