import { expect, test, vi } from 'vitest';
import { expand, type Expansion } from './expand.ts';

const told: string[] = [];
async function* numbers(): AsyncGenerator<number> {
  told.length = 0;
  try {
    for (let one = 1; one <= 4; one++) yield one;
  } finally {
    told.push('left');
  }
}

async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const value of stream) all.push(value);
  return all;
}

const repeat = (count: number): readonly number[] => Array.from({ length: count - 1 }, () => count);

test('each value becomes none, one or several, and the beginning and the end add their own', async () => {
  const last = [[0], [8, 9]];
  const stream = expand(numbers(), { begin: () => [7], take: repeat, end: () => last.shift() ?? [] });
  expect(await collect(stream)).toEqual([7, 2, 3, 3, 4, 4, 4, 0, 8, 9]);
});

test('a source of which nothing more is wanted is left before the end is asked', async () => {
  let last = 0;
  const stream = expand(numbers(), {
    take: (value) => repeat((last = value)),
    isOver: () => last === 2,
    end: () => told.splice(0).map((one) => one.length),
  });
  expect(await collect(stream)).toEqual([2, 4]);
});

test.each<[string, Partial<Expansion<number, number>>, readonly number[]]>([
  ['taking', { take: (value) => (value === 3 ? fail() : [value]) }, [1, 2]],
  ['asking whether it is over', { isOver: fail }, []],
  ['the end', { end: fail }, [1, 2, 3, 4]],
])('a failure of %s comes after what was taken before, and the source is left', async (_, expansion, before) => {
  const stream = expand(numbers(), { take: (value: number) => [value], ...expansion });
  for (const value of before) expect(await stream.next()).toEqual({ done: false, value });
  await expect(stream.next()).rejects.toThrow('failed');
  expect(told).toEqual(['left']);
  expect(await stream.next()).toEqual({ done: true, value: undefined });
});

test('a failure of the source is thrown, and is the end', async () => {
  const end = vi.fn(() => [7]);
  const stream = expand(broken(), { take: (value) => [value], end });
  expect((await stream.next()).value).toBe(1);
  await expect(stream.next()).rejects.toThrow('failed');
  expect((await stream.next()).done).toBe(true);
  expect(end).not.toHaveBeenCalled();
});

const oneByOne = { take: (value: number) => [value] };
test.each<[string, () => AsyncIterable<number>, Expansion<number, number>, readonly number[]]>([
  ['the source', broken, oneByOne, [1]],
  ['taking', numbers, { take: (value) => (value === 1 ? [value] : fail()) }, [1]],
  ['the end', numbers, { ...oneByOne, end: fail }, [1, 2, 3, 4]],
])('a failure of %s may become the last values', async (_, source, expansion, before) => {
  const stream = expand(source(), { ...expansion, fail: (error) => [String(error).length, 8] });
  expect(await collect(stream)).toEqual([...before, 'Error: failed'.length, 8]);
});

test('a reader that leaves gets nothing more, and the end is not asked', async () => {
  const end = vi.fn(() => [7]);
  const stream = expand(numbers(), { take: () => [1, 2], end });
  expect((await stream.next()).value).toBe(1);
  await stream.return(undefined);
  expect(told).toEqual(['left']);
  expect((await stream.next()).done).toBe(true);
  expect(end).not.toHaveBeenCalled();
});

test('a reader that leaves while it waits is let go when the source answers', async () => {
  const { promise, resolve } = Promise.withResolvers<IteratorResult<number>>();
  const left = vi.fn(async () => ({ done: true as const, value: undefined }));
  const source = { [Symbol.asyncIterator]: () => ({ next: () => promise, return: left }) };
  const stream = expand(source, { take: (value: number) => [value] });
  const waiting = stream.next();
  await stream.return(undefined);
  expect(left).toHaveBeenCalledOnce();
  resolve({ done: false, value: 1 });
  expect((await waiting).done).toBe(true);
});

async function* broken(): AsyncGenerator<number> {
  yield 1;
  fail();
}

function fail(): never {
  throw new Error('failed');
}
