import { expect, test } from 'vitest';
import { initialJob } from '#lib/peer/session/job-state.ts';
import type { TurnRecord } from './records.ts';
import { createSearch, rankPassages } from './search-index.ts';

const record = (id: string, title: string) => ({ id, title, createdAt: 0, updatedAt: 0, turns: 1 });
const turn = (id: string, question: string, text: string): TurnRecord => ({
  id,
  question,
  askedAt: 0,
  answer: { ...initialJob, phase: 'finished', text },
  leftOut: 0,
});

test('words of questions, answers and titles are found, begun or misspelt, and all of them have to occur', async () => {
  const kept: Record<string, readonly TurnRecord[]> = {
    a: [turn('1', 'How do looms work?', `${'Long ago. '.repeat(30)}A shuttle carries the weft through the shed.`)],
    b: [turn('2', 'A recipe for bread', 'Flour, water and salt.'), turn('3', 'And the shuttle?', 'It flies.')],
  };
  let reads = 0;
  const search = createSearch({ turns: async (id) => (reads++, kept[id] ?? []) });
  const records = [record('a', 'Weaving'), record('b', 'Baking')];
  const found = async (query: string) => (await search.search(query, records)).map(({ turn: id }) => id);
  expect(await found('weft')).toEqual(['1']);
  expect((await found('shuttle')).sort()).toEqual(['1', '3']);
  expect(await found('recip')).toEqual(['2']);
  expect(await found('shutle weft')).toEqual(['1']);
  expect(await found('Baking salt')).toEqual(['2']);
  expect(await found('bread weft')).toEqual([]);
  expect(await found(' ')).toEqual([]);
  expect(reads).toBe(2);
  const [hit] = await search.search('weft', records);
  expect(hit).toMatchObject({ conversation: 'a', turn: '1', title: 'Weaving' });
  expect(hit!.excerpt).toMatch(/^….*weft.*$/);
});

test('what has changed is read again, and nothing is searched in private mode', async () => {
  let text = 'before';
  const search = createSearch({ turns: async () => [turn('1', 'q', text)] });
  expect(await search.search('before', [record('a', '')])).toHaveLength(1);
  text = 'after';
  expect(await search.search('after', [record('a', '')])).toHaveLength(1);
  expect(await search.search('after', [])).toEqual([]);
});

test('a tag narrows what is found', async () => {
  const search = createSearch({ turns: async (id) => [turn(id, 'bread', 'Flour.')] });
  const records = [{ ...record('a', ''), tags: ['home'] }, { ...record('b', ''), tags: ['work'] }, record('c', '')];
  const found = async (query: string) => (await search.search(query, records)).map(({ turn: id }) => id);
  expect((await found('bread')).sort()).toEqual(['a', 'b', 'c']);
  expect(await found('#wo bread')).toEqual(['b']);
  expect(await found('flour tag:home')).toEqual(['a']);
  expect(await found('#home')).toEqual([]);
});

test('passages are ranked by how well they match, and those that do not are left out', async () => {
  const passages = ['the sea is calm', 'gold is under the lighthouse', 'gold, gold and more gold', 'nothing'];
  expect(await rankPassages('gold lighthouse', passages)).toEqual([1, 2]);
});
