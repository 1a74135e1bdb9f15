import { expect, test } from 'vitest';
import { initialJob, type JobState } from '#lib/peer/session/job-state.ts';
import { emptyOutput } from '#lib/protocol/output.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import type { ConversationRecord, TurnRecord } from '#lib/state/records.ts';
import { linkTurns } from '#lib/state/turn-tree.ts';
import { keepHistory } from './history.ts';

const id = (digit: string) => digit.repeat(32);
const conversation = (digit: string): ConversationRecord => ({
  id: id(digit),
  title: 'Hello',
  createdAt: 1,
  updatedAt: 2,
  turns: 1,
});
const turn = (digit: string, text: string, askedAt = 1): TurnRecord => ({
  id: id(digit),
  question: 'Hi',
  askedAt,
  answer: { ...initialJob, phase: 'finished', text },
  leftOut: 0,
});

test('a conversation and its turns come back in order', async () => {
  const storage = createMemoryStorage();
  const turns = Array.from({ length: 12 }, (_, i) => turn('ba9876543210'[i]!, `answer ${i}`, 10 ** i));
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

test('an answer from before outputs were kept opens, and its receipt of the version before is no longer proof', async () => {
  const storage = createMemoryStorage();
  const { output: _, ...old } = { ...turn('a', 'one').answer, tokens: 3 };
  const answer = {
    ...old,
    job: { id: id('b'), input: { kind: 'completion', prompt: 'Hi' }, params: { maxTokens: 3 } },
    worker: { peer: 'w' },
    reason: 'stop',
    usage: { tokensIn: 1, tokensOut: 3 },
    receipt: {
      receipt: { type: 'receipt', payload: new Uint8Array(), key: new Uint8Array(32), sig: new Uint8Array(64) },
    },
  };
  await keepHistory(storage).save(conversation('1'), [{ ...turn('a', 'one'), answer: answer as unknown as JobState }]);
  const [kept] = await keepHistory(storage).turns(id('1'));
  expect(kept?.answer).toEqual({ ...answer, output: { ...emptyOutput, text: 'one', tokens: 3 } });
});

test('what another build wrote and this one cannot read is left out, not thrown', async () => {
  const storage = createMemoryStorage();
  await storage.put('conversations', id('1'), { id: 1 });
  await storage.put('messages', `${id('1')}/000000`, { question: 'old' });
  const history = keepHistory(storage);
  expect(await history.list()).toEqual([]);
  expect(await history.turns(id('1'))).toEqual([]);
});

test('a folder that cannot be one costs the folder, not the conversation', async () => {
  const storage = createMemoryStorage();
  for (const folder of ['', 'x'.repeat(61), 7]) {
    await storage.put('conversations', id('1'), { ...conversation('1'), folder });
    expect(await keepHistory(storage).list()).toEqual([conversation('1')]);
  }
});

test('two versions that are compared are still compared after a reload', async () => {
  const storage = createMemoryStorage();
  const record = { ...conversation('1'), comparing: [id('a'), id('b')] };
  await keepHistory(storage).save(record, []);
  expect(await keepHistory(storage).list()).toEqual([record]);
  await storage.put('conversations', id('1'), { ...record, comparing: ['x'] });
  expect(await keepHistory(storage).list()).toEqual([conversation('1')]);
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

test('of more conversations than are kept the oldest goes, and its turns with it', async () => {
  const history = keepHistory(createMemoryStorage());
  const longId = (number: number) => (1_000 - number).toString(16).padStart(32, '0');
  for (let number = 0; number <= 500; number++) {
    const one = { ...conversation('1'), id: longId(number), updatedAt: number };
    await history.save(one, number < 2 ? [turn('a', 'one')] : []);
  }
  const listed = (await history.list()).map(({ updatedAt }) => updatedAt);
  expect([listed.length, listed[0], listed.at(-1)]).toEqual([500, 500, 1]);
  expect(await history.turns(longId(0))).toEqual([]);
  expect(await history.turns(longId(1))).toHaveLength(1);
});

test('two tabs in one conversation keep both turns', async () => {
  const storage = createMemoryStorage();
  const [one, other] = [keepHistory(storage), keepHistory(storage)];
  const first = turn('a', 'first', 1);
  await one.save(conversation('1'), [first]);
  const read = await other.turns(id('1'));
  await one.save(conversation('1'), [first, turn('c', 'of one', 3)]);
  await other.save(conversation('1'), [...read, turn('b', 'of the other', 2)]);
  const texts = (await keepHistory(storage).turns(id('1'))).map(({ answer }) => answer.text);
  expect(texts).toEqual(['first', 'of the other', 'of one']);
});

test('a turn that cannot be read stays where it is, and takes no other’s place', async () => {
  const storage = createMemoryStorage();
  await keepHistory(storage).save(conversation('1'), [turn('a', 'one', 1), turn('b', 'two', 2), turn('c', 'three', 3)]);
  const [, middle] = await storage.list('messages', { limit: 9 });
  await storage.put('messages', middle!.key, { of: 'another build' });
  const history = keepHistory(storage);
  await history.save(conversation('1'), [...(await history.turns(id('1'))), turn('d', 'four', 4)]);
  const values = (await storage.list('messages', { limit: 9 })).map(({ value }) => value);
  expect(values).toMatchObject([
    { answer: { text: 'one' } },
    { of: 'another build' },
    { id: id('c') },
    { id: id('d') },
  ]);
});

test('a conversation from before versions opens as it was, and its turns get what they follow', async () => {
  const storage = createMemoryStorage();
  const old = [turn('a', 'one', 1), turn('b', 'two', 2)];
  for (const [index, value] of old.entries())
    await storage.put('messages', `${id('1')}/00000000000000${index + 1}-${value.id}`, value);
  await storage.put('conversations', id('1'), { ...conversation('1'), turns: old.length });
  const history = keepHistory(storage);
  const read = linkTurns(await history.turns(id('1')));
  expect(read.map(({ id: own, parent, answer }) => [own, parent, answer.text])).toEqual([
    [id('a'), null, 'one'],
    [id('b'), id('a'), 'two'],
  ]);
  await history.save({ ...conversation('1'), tip: id('c') }, [...read, { ...turn('c', 'again', 3), parent: id('a') }]);
  const again = linkTurns(await keepHistory(storage).turns(id('1')));
  expect(again.map(({ parent }) => parent)).toEqual([null, id('a'), id('a')]);
});

test('a conversation that was deleted can be written again, with every turn', async () => {
  const history = keepHistory(createMemoryStorage());
  await history.save(conversation('1'), [turn('a', 'one')]);
  const turns = await history.turns(id('1'));
  await history.remove(id('1'));
  await history.save(conversation('1'), turns);
  expect(await history.turns(id('1'))).toEqual(turns);
});

test('tabs tell each other what they save, delete and open, and believe only what they understand', async () => {
  const heard: unknown[] = [];
  const told: unknown[] = [];
  const channel = { postMessage: (message: unknown) => void told.push(message), onmessage: null };
  const history = keepHistory(createMemoryStorage(), channel);
  const stop = history.follow((change) => heard.push(change));
  await history.save(conversation('1'), [], true);
  await history.remove(id('1'));
  history.noteOpened(id('1'));
  expect(told).toEqual([
    { type: 'saved', record: conversation('1'), answering: true },
    { type: 'removed', id: id('1') },
    { type: 'opened', id: id('1') },
  ]);
  const { onmessage } = channel as unknown as { onmessage: (event: { readonly data: unknown }) => void };
  for (const data of [...told, { type: 'removed', id: '../x' }, { type: 'new' }, null]) onmessage({ data });
  expect(heard).toEqual(told);
  stop();
  expect(channel.onmessage).toBeNull();
});
