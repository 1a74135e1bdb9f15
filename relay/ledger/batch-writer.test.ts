import { expect, test } from 'vitest';
import { createBatchWriter } from './batch-writer.ts';

const nextRound = () => new Promise((resolve) => setImmediate(resolve));

test('what comes in one round of the event loop is one batch, whatever was awaited in between', async () => {
  const batches: (readonly number[])[] = [];
  const writer = createBatchWriter<number, number>(async (tasks) => {
    batches.push(tasks);
    return tasks.map((task) => task * 2);
  });
  const first = writer.add(1);
  await Promise.resolve();
  const second = writer.add(2);
  expect(batches).toEqual([]);
  expect(await Promise.all([first, second])).toEqual([2, 4]);
  await writer.add(3);
  expect(batches).toEqual([[1, 2], [3]]);
});

test('what comes while a batch is written is the next one, and a failed batch fails only its own tasks', async () => {
  const batches: (readonly number[])[] = [];
  const writing = Promise.withResolvers<void>();
  const writer = createBatchWriter<number, number>(async (tasks) => {
    batches.push(tasks);
    await writing.promise;
    if (tasks.includes(1)) throw new Error('the disk is full');
    return tasks;
  });
  const first = writer.add(1);
  await nextRound();
  const others = Promise.all([writer.add(2), writer.add(3)]);
  writing.resolve();
  await expect(first).rejects.toThrow('the disk is full');
  expect(await others).toEqual([2, 3]);
  expect(batches).toEqual([[1], [2, 3]]);
});
