import { expect, test } from 'vitest';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { keepSpeedBook } from './speed-book.ts';

test('a speed is known after a reload, in the same browser and build, and measured anew elsewhere', async () => {
  const storage = createMemoryStorage();
  const book = await keepSpeedBook(storage);
  book.setPlace('Chrome 141, apple');
  await book.note('a', 42);
  await book.note('b', 0);
  await storage.put('measurements', 'speed/c', { decodeTps: 'fast' });
  const again = await keepSpeedBook(storage);
  again.setPlace('Chrome 141, apple');
  expect(['a', 'b', 'c'].map(again.of)).toEqual([42, undefined, undefined]);
  again.setPlace('Chrome 142, apple');
  expect(again.of('a')).toBeUndefined();
  await again.note('a', 50);
  expect(again.of('a')).toBe(50);
});
