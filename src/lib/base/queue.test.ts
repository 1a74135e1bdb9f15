import { expect, test } from 'vitest';
import { createQueue } from './queue.ts';

const full = expect.objectContaining({ code: 'queue-full' });
const closed = expect.objectContaining({ code: 'queue-closed' });

async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const value of values) all.push(value);
  return all;
}

test('values come out in order, those queued before the end included', async () => {
  const queue = createQueue<number>(3);
  queue.push(1);
  queue.push(2);
  queue.end();
  expect(queue.closed).toBe(true);
  expect(await collect(queue)).toEqual([1, 2]);
});

test('never grows past its limit', () => {
  const queue = createQueue<number>(2);
  queue.push(1);
  queue.push(2);
  expect(() => queue.push(3)).toThrow(full);
  expect(queue.size).toBe(2);
});

test('a reader that waits gets what is pushed later', async () => {
  const queue = createQueue<number>(1);
  const reading = collect(queue);
  for (const value of [1, 2, 3]) await queue.pushWhenFree(value);
  queue.end();
  expect(await reading).toEqual([1, 2, 3]);
});

test('writers wait while it is full, all of them, and lose nothing', async () => {
  const queue = createQueue<number>(1);
  const writing = Promise.all([1, 2, 3, 4].map((value) => queue.pushWhenFree(value))).then(() => queue.end());
  expect(queue.size).toBe(1);
  expect((await collect(queue)).sort()).toEqual([1, 2, 3, 4]);
  await writing;
});

test('a waiting writer can be aborted, and adds nothing then', async () => {
  const queue = createQueue<number>(1);
  queue.push(1);
  const controller = new AbortController();
  const writing = queue.pushWhenFree(2, { signal: controller.signal });
  controller.abort();
  await expect(writing).rejects.toMatchObject({ code: 'aborted' });
  await expect(queue.pushWhenFree(3, { signal: controller.signal })).rejects.toMatchObject({ code: 'aborted' });
  queue.end();
  expect(await collect(queue)).toEqual([1]);
});

test('the end wakes waiting writers with a code, and takes nothing more', async () => {
  const queue = createQueue<number>(1);
  queue.push(1);
  const writing = queue.pushWhenFree(2);
  queue.end();
  await expect(writing).rejects.toThrow(closed);
  expect(() => queue.push(3)).toThrow(closed);
  await expect(queue.pushWhenFree(3)).rejects.toThrow(closed);
});

test('a failure drops what is queued and reaches the reader', async () => {
  const queue = createQueue<number>(2);
  queue.push(1);
  const error = new Error('gone');
  queue.fail(error);
  queue.fail(new Error('again'));
  await expect(collect(queue)).rejects.toBe(error);
  expect(() => queue.push(2)).toThrow(closed);
});

test('a failure wakes a reader that waits; after the end it changes nothing', async () => {
  const waiting = createQueue<number>(1);
  const reading = collect(waiting);
  waiting.fail(new Error('gone'));
  await expect(reading).rejects.toThrow('gone');
  const ended = createQueue<number>(1);
  ended.end();
  ended.fail(new Error('late'));
  expect(await collect(ended)).toEqual([]);
});

test('a reader that leaves ends the queue for its writers', async () => {
  const queue = createQueue<number>(2);
  queue.push(1);
  for await (const value of queue) {
    expect(value).toBe(1);
    break;
  }
  expect(() => queue.push(2)).toThrow(closed);
});
