import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { watchWritable } from './writable.ts';

type Database = Parameters<typeof watchWritable>[0];

/** A database that writes as it is told to. */
function fixture() {
  const clock = manualClock();
  const writes: PromiseWithResolvers<unknown>[] = [];
  const query = {
    where: () => query,
    execute: () => {
      const write = Promise.withResolvers<unknown>();
      writes.push(write);
      return write.promise;
    },
  };
  const isWritable = watchWritable({ deleteFrom: () => query } as unknown as Database, clock);
  return { clock, writes, isWritable };
}

test('what was found holds for a second, whoever asks', async () => {
  const { clock, writes, isWritable } = fixture();
  const both = Promise.all([isWritable(), isWritable()]);
  writes[0]!.resolve([]);
  expect(await both).toEqual([true, true]);
  await clock.advance(999);
  expect(await isWritable()).toBe(true);
  expect(writes).toHaveLength(1);
  await clock.advance(1);
  const gone = isWritable();
  writes[1]!.reject(new Error('connect ECONNREFUSED'));
  expect(await gone).toBe(false);
});

test('a database that is silent takes no writes, and is not asked again meanwhile', async () => {
  const { clock, writes, isWritable } = fixture();
  const first = isWritable();
  await clock.advance(1_000);
  expect(await first).toBe(false);
  const second = isWritable();
  expect(writes).toHaveLength(1);
  writes[0]!.resolve([]);
  expect(await second).toBe(true);
});
