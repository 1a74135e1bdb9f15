import { expect, test } from 'vitest';
import { initialJob } from '#lib/peer/lifecycle.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { keepHistory, type KeptConversation, type KeptTurn } from './history.ts';

const id = (digit: string) => digit.repeat(32);
const conversation = (digit: string): KeptConversation => ({
  id: id(digit),
  title: 'Hello',
  createdAt: 1,
  updatedAt: 2,
  turns: 1,
});
const turn = (digit: string, text: string): KeptTurn => ({
  id: id(digit),
  question: 'Hi',
  askedAt: 1,
  answer: { ...initialJob, phase: 'finished', text },
  leftOut: 0,
});

test('a conversation and its turns come back in order', async () => {
  const storage = createMemoryStorage();
  const turns = Array.from({ length: 12 }, (_, i) => turn('a', `answer ${i}`));
  await keepHistory(storage).save(conversation('1'), turns);
  const history = keepHistory(storage);
  expect(await history.list()).toEqual([conversation('1')]);
  expect((await history.turns(id('1'))).map(({ answer }) => answer.text)).toEqual(turns.map((t) => t.answer.text));
});

test('deleting one leaves the others', async () => {
  const history = keepHistory(createMemoryStorage());
  await history.save(conversation('1'), [turn('a', 'one')]);
  await history.save(conversation('2'), [turn('b', 'two')]);
  await history.remove(id('1'));
  expect((await history.list()).map((kept) => kept.id)).toEqual([id('2')]);
  expect(await history.turns(id('1'))).toEqual([]);
  expect(await history.turns(id('2'))).toHaveLength(1);
});

test('what another build wrote and this one cannot read is left out, not thrown', async () => {
  const storage = createMemoryStorage();
  await storage.put('conversations', id('1'), { id: 1 });
  await storage.put('messages', `${id('1')}/000000`, { question: 'old' });
  const history = keepHistory(storage);
  expect(await history.list()).toEqual([]);
  expect(await history.turns(id('1'))).toEqual([]);
});

test('a turn that has not changed is not written again', async () => {
  const storage = createMemoryStorage();
  const writes: number[] = [];
  const history = keepHistory({
    ...storage,
    batch: (all) => {
      writes.push(all.length);
      return storage.batch(all);
    },
  });
  const first = turn('a', 'one');
  await history.save(conversation('1'), [first]);
  await history.save(conversation('1'), [first, turn('b', 'two')]);
  expect(writes).toEqual([2, 2]);
});
