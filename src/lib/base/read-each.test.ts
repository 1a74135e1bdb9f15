import { expect, test } from 'vitest';
import { createQueue } from './queue.ts';
import { readEach } from './read-each.ts';

async function* letters(seen: string[] = []) {
  try {
    yield 'a';
    yield 'b';
    yield 'c';
  } finally {
    seen.push('left');
  }
}

test('every value is read, in order', async () => {
  const seen: string[] = [];
  await readEach(letters(), (letter) => void seen.push(letter));
  expect(seen).toEqual(['a', 'b', 'c']);
});

test('the next value is read only after what a value asks to wait for', async () => {
  const queue = createQueue<number>(4);
  for (const value of [1, 2]) queue.push(value);
  queue.end();
  const pause = Promise.withResolvers<void>();
  const seen: number[] = [];
  const reading = readEach(queue, (value) => {
    seen.push(value);
    return value === 1 ? pause.promise : undefined;
  });
  await Promise.resolve();
  await new Promise((resolve) => setImmediate(resolve));
  expect(seen).toEqual([1]);
  pause.resolve();
  await reading;
  expect(seen).toEqual([1, 2]);
});

test.each(['thrown', 'waited for'] as const)('what fails, %s, leaves the stream', async (how) => {
  const seen: string[] = [];
  const failing = readEach(letters(seen), (letter) => {
    seen.push(letter);
    if (letter === 'a') return undefined;
    if (how === 'thrown') throw new Error('no');
    return Promise.reject(new Error('no'));
  });
  await expect(failing).rejects.toThrow('no');
  expect(seen).toEqual(['a', 'b', 'left']);
});

test('what the stream fails with is passed on', async () => {
  const queue = createQueue<number>(4);
  queue.fail(new Error('gone'));
  await expect(readEach(queue, () => undefined)).rejects.toThrow('gone');
});
