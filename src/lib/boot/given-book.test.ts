import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { createLive } from '#lib/base/live.ts';
import { notSharing, type ModelSharing, type SharingCounts } from '#lib/state/sharing.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { keepGivenBook } from './given-book.ts';

const dayMs = 86_400_000;

function open(storage = createMemoryStorage(), startMs = Date.parse('2026-11-30T10:00:00Z')) {
  const clock = manualClock(startMs);
  const view = createLive(notSharing);
  const shown = new Map<string, ModelSharing>();
  const give = (model: string, counts: Partial<SharingCounts>) => {
    const before = shown.get(model) ?? { ...notSharing, model, phase: 'sharing' as const };
    shown.set(model, { ...before, ...counts });
    view.change({ models: [...shown.values()] });
  };
  return { storage, clock, give, book: keepGivenBook({ storage, clock, sharing: { view } }) };
}

test('what was given is summed by day and model, also after the page was opened anew', async () => {
  const { storage, give, book } = open();
  give('a', { jobsDone: 1, tokensIn: 10, tokensOut: 100 });
  give('a', { tokensOut: 120 });
  await book.stop();
  const next = open(storage);
  next.give('a', { jobsDone: 1, tokensOut: 5 });
  // Two are shared at once, each counts for itself; where sharing begins anew, so does counting.
  next.give('b', { jobsDone: 1, tokensIn: 1, tokensOut: 4 });
  next.give('b', { jobsDone: 0, tokensIn: 0, tokensOut: 0 });
  next.give('b', { jobsDone: 1, tokensOut: 3 });
  expect(await next.book.days()).toEqual([
    {
      day: '2026-11-30',
      models: [
        { model: 'a', answers: 2, tokensIn: 10, tokensOut: 125 },
        { model: 'b', answers: 2, tokensIn: 1, tokensOut: 7 },
      ],
    },
  ]);
});

test('it is stored every few seconds, not for each token', async () => {
  const { storage, clock, give } = open();
  let writes = 0;
  const update = storage.update.bind(storage);
  storage.update = async (...given) => {
    writes++;
    return update(...given);
  };
  for (let tokensOut = 1; tokensOut <= 50; tokensOut++) give('a', { tokensOut });
  await clock.advance(10_000);
  expect(writes).toBe(1);
  await clock.advance(60_000);
  expect(writes).toBe(1);
});

test('a damaged day is left out, and a new one is begun on the next', async () => {
  const { storage, clock, give, book } = open();
  await storage.put('measurements', 'given/2026-11-29', { a: 'broken' });
  await clock.advance(dayMs);
  give('a', { tokensOut: 3 });
  expect((await book.days()).map(({ day }) => day)).toEqual(['2026-12-01']);
});
