import { expect, test } from 'vitest';
import { TabloomError } from '#lib/base/errors.ts';
import { attachmentLengthMax } from '#lib/state/attachment.ts';
import type { Conversation } from '#lib/state/conversation.svelte.ts';
import { Attaching, readText } from './attaching.svelte.ts';

const file = (content: string | Uint8Array<ArrayBuffer>, name = 'a.txt') => new File([content], name);
const blank = () => ({ pending: [] }) as unknown as Conversation;
const nothing = () => Promise.reject(new Error('no PDF here'));
const names = ({ pending }: Conversation) => pending.map(({ name }) => name);

test('text is read in the encodings that it comes in, with one kind of line end', async () => {
  expect(await readText(file('a\r\nb\rc'))).toBe('a\nb\nc');
  expect(await readText(file(Uint8Array.of(0xff, 0xfe, 0x41, 0, 0x42, 0)))).toBe('AB');
  expect(await readText(file(Uint8Array.of(0xef, 0xbb, 0xbf, 0x41)))).toBe('A');
});

test('what is no text, or too long, is refused by its name and never cut', async () => {
  await expect(readText(file(Uint8Array.of(0x89, 0x50, 0x4e, 0x47), 'x.png'))).rejects.toMatchObject({
    code: 'attachment-not-text',
  });
  await expect(readText(file('a\0b'))).rejects.toMatchObject({ code: 'attachment-not-text' });
  await expect(readText(file('x'.repeat(attachmentLengthMax + 1)))).rejects.toMatchObject({
    code: 'attachment-too-long',
  });
});

test('those that can be read are attached, and of the others it is said why not', async () => {
  let id = 0;
  const attaching = new Attaching({ newId: () => String(++id), readDocument: nothing });
  const conversation = blank();
  await attaching.add([file('x'), file('\0', 'b.bin'), file('y', 'c.csv')], conversation);
  expect(names(conversation)).toEqual(['a.txt', 'c.csv']);
  expect(attaching.errors).toEqual([expect.stringContaining('b.bin')]);
  await attaching.add(
    Array.from({ length: 7 }, () => file('z')),
    conversation,
  );
  expect([conversation.pending.length, attaching.errors.length]).toEqual([8, 1]);
});

test('a long pasted text becomes an attachment, a short one stays text, and a table is no picture', async () => {
  const attaching = new Attaching({ newId: () => '1', readDocument: nothing });
  const paste = async (text: string, files: readonly File[] = []) => {
    const conversation = blank();
    let prevented = 0;
    attaching.paste(
      { clipboardData: { getData: () => text, files }, preventDefault: () => prevented++ } as never,
      conversation,
    );
    await new Promise((resolve) => setImmediate(resolve));
    return [prevented, names(conversation)];
  };
  expect(await paste('short')).toEqual([0, []]);
  expect(await paste('a\tb', [file('', 'table.png')])).toEqual([0, []]);
  expect(await paste('x'.repeat(4_001))).toEqual([1, ['Pasted text.txt']]);
  expect(await paste('', [file('x', 'notes.md')])).toEqual([1, ['notes.md']]);
});

test('a picture is drawn anew, a PDF is read by pages, and a drawing in SVG is text', async () => {
  const picture = { mime: 'image/jpeg', bytes: Uint8Array.of(1), sha256: '', width: 2, height: 1 } as const;
  const attaching = new Attaching({
    newId: () => '1',
    readDocument: async (_, bytes) => ({ text: `${bytes.length} bytes`, pages: [0] }),
    draw: async () => picture,
  });
  const conversation = blank();
  const svg = new File(['<svg/>'], 'a.svg', { type: 'image/svg+xml' });
  const photo = new File([Uint8Array.of(0xff)], 'a.jpg', { type: 'image/jpeg' });
  await attaching.add([photo, file('%PDF-1.7 …', 'a.pdf'), svg], conversation);
  expect(conversation.pending).toEqual([
    { id: '1', name: 'a.jpg', text: '', picture },
    { id: '1', name: 'a.pdf', text: '12 bytes', pages: [0] },
    { id: '1', name: 'a.svg', text: '<svg/>' },
  ]);
  expect([attaching.errors, attaching.reading]).toEqual([[], 0]);
});

test('documents are known by how they begin, not by their names', async () => {
  let id = 0;
  const attaching = new Attaching({
    newId: () => String(++id),
    readDocument: async (kind) => ({ text: kind, pages: [0], unit: 'sheet', titles: ['Sums'] }),
  });
  const conversation = blank();
  await attaching.add([file('PK\u0003\u0004…', 'a'), file('PK in words', 'b')], conversation);
  expect(conversation.pending).toEqual([
    { id: '1', name: 'a', text: 'office', pages: [0], unit: 'sheet', titles: ['Sums'] },
    { id: '2', name: 'b', text: 'PK in words' },
  ]);
});

test('why a PDF was not read stands with its name', async () => {
  const attaching = new Attaching({
    newId: () => '1',
    readDocument: () => Promise.reject(new TabloomError('pdf-locked', 'The PDF file takes a password.')),
  });
  await attaching.add([file('%PDF-', 'a.pdf')], blank());
  expect(attaching.errors).toEqual(['a.pdf: The PDF file takes a password.']);
});
