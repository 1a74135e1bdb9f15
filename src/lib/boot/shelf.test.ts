import { expect, test } from 'vitest';
import type { Attachment } from '#lib/state/attachment.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { deleteData, exportData } from './browser-stores.ts';
import { keepHistory } from './history.ts';
import { keepShelf, shelfLimits } from './shelf.ts';

const document = (id: string, text = 'text'): Attachment => ({ id, name: `${id}.txt`, text });

function fixture() {
  const storage = createMemoryStorage();
  return { storage, shelf: keepShelf(storage, { now: () => 7 }) };
}

test('documents are listed by name without their texts, and read one by one', async () => {
  const { shelf } = fixture();
  const sheet: Attachment = { ...document('b', 'one\n\ntwo'), pages: [0, 5], unit: 'sheet', titles: ['Sums', ''] };
  await shelf.keep(sheet);
  await shelf.keep(document('a'));
  expect(await shelf.list()).toEqual([
    { id: 'a', name: 'a.txt', addedAt: 7, length: 4 },
    { id: 'b', name: 'b.txt', addedAt: 7, length: 8 },
  ]);
  expect(await shelf.read('b')).toEqual(sheet);
  expect(await shelf.read('c')).toBeUndefined();
});

test('a document keeps the name that it was given, which is never empty', async () => {
  const { shelf } = fixture();
  await shelf.keep(document('a'));
  await shelf.rename('a', '  Letters  ');
  await shelf.keep(document('a', 'another text'));
  await shelf.rename('a', '  ');
  await shelf.rename('gone', 'Letters');
  expect(await shelf.list()).toMatchObject([{ name: 'Letters', length: 4 }]);
  expect(await shelf.read('a')).toMatchObject({ name: 'Letters', text: 'text' });
});

test('what is too much is refused, and a deletion makes room', async () => {
  const { shelf } = fixture();
  await shelf.keep(document('long', 'x'.repeat(shelfLimits.length - 2)));
  await expect(shelf.keep(document('a'))).rejects.toMatchObject({ code: 'shelf-full' });
  await shelf.remove('long');
  await shelf.remove('long');
  for (let index = 0; index < shelfLimits.documents; index++) await shelf.keep(document(`d${index}`));
  await expect(shelf.keep(document('a'))).rejects.toMatchObject({ code: 'shelf-full' });
});

test('documents are no part of a conversation, are exported, and go when everything is deleted', async () => {
  const { storage, shelf } = fixture();
  await shelf.keep(document('a', 'a kept text'));
  const history = keepHistory(storage);
  await history.remove('a');
  expect(await history.shelf.list()).toHaveLength(1);
  expect(await exportData(storage)).toContain('a kept text');
  await deleteData(storage, undefined);
  expect([await shelf.list(), await shelf.read('a')]).toEqual([[], undefined]);
});
