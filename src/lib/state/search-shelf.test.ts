import { expect, test } from 'vitest';
import type { Attachment } from './attachment.ts';
import { createShelfSearch } from './search-shelf.ts';

const island = 'The treasure lies under the lighthouse.';

function shelfOf(...documents: readonly Attachment[]) {
  let held = documents;
  let reads = 0;
  const shelf = {
    list: async () => held.map(({ id, name, text }) => ({ id, name, addedAt: 0, length: text.length })),
    read: async (id: string) => (reads++, held.find((one) => one.id === id)),
  };
  return { search: createShelfSearch(shelf), reads: () => reads, hold: (next: readonly Attachment[]) => (held = next) };
}

const document = (id: string, text: string): Attachment => ({ id, name: `${id}.txt`, text });

test('what matches is found in every document, each with its own passages and pages', async () => {
  const filler = 'Nothing of interest stands here, nor there. '.repeat(30);
  const pages = [`${filler}\n\n`, `${island}\n\n`];
  const atlas = { ...document('atlas', pages.join('')), pages: [0, pages[0]!.length] };
  const { search } = shelfOf(atlas, document('log', 'We saw the lighthouse.'), document('menu', 'Soup and bread'));
  expect(await search.find('Where is the lighthouse?', 2_000)).toEqual([
    { id: 'log', name: 'log.txt', text: 'We saw the lighthouse.', from: 'shelf', passages: { sent: 1, of: 1 } },
    { id: 'atlas', name: 'atlas.txt', text: `[Page 2]\n${island}\n\n`, from: 'shelf', passages: { sent: 1, of: 3 } },
  ]);
  expect(await search.find('zebra', 2_000)).toEqual([]);
});

test('the room is kept to, whatever matches', async () => {
  const { search } = shelfOf(...Array.from({ length: 40 }, (_, index) => document(`d${index}`, island)));
  const found = await search.find('treasure', 400);
  expect(found.length).toBeGreaterThan(0);
  const length = found.reduce((sum, { name, text }) => sum + name.length * 2 + text.length + 30, 0);
  expect(length).toBeLessThan(400);
  expect(await search.find('treasure', 10)).toEqual([]);
  expect((await search.find('treasure', 100_000)).length).toBe(12);
});

test('the index is made once, and anew when a document comes, goes or is renamed', async () => {
  const { search, reads, hold } = shelfOf(document('a', island));
  await search.find('treasure', 1_000);
  await search.find('lighthouse', 1_000);
  expect(reads()).toBe(1);
  hold([{ ...document('a', island), name: 'Atlas' }]);
  expect(await search.find('treasure', 1_000)).toMatchObject([{ name: 'Atlas' }]);
  hold([]);
  expect(await search.find('treasure', 1_000)).toEqual([]);
});
