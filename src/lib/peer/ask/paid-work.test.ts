import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { createPaidWork, openPaidWork, paidWorkLimits } from './paid-work.ts';

const dayMs = 86_400_000;
const artefact = (n: number) => n.toString(16).padStart(64, '0');
const once = { in: 10, out: 100 };

test('counts jobs and tokens of a model over seven days, and forgets what is older', async () => {
  const clock = manualClock();
  const book = createPaidWork({ clock });
  book.note(artefact(1), once);
  await clock.advance(6 * dayMs);
  book.note(artefact(1), once);
  book.note(artefact(2), once);
  expect(book.of(artefact(1))).toEqual({ jobs: 2, in: 20, out: 200 });
  await clock.advance(dayMs);
  expect(book.of(artefact(1))).toEqual({ jobs: 1, in: 10, out: 100 });
  await clock.advance(7 * dayMs);
  expect(book.of(artefact(1))).toEqual({ jobs: 0, in: 0, out: 0 });
});

test('is kept across restarts; what cannot be read counts as nothing', async () => {
  const clock = manualClock();
  const storage = createMemoryStorage();
  const components = { clock, storage, logger: silentLogger };
  const book = await openPaidWork(components);
  for (let n = 0; n < 3; n++) book.note(artefact(1), once);
  await clock.advance(0);
  expect((await openPaidWork(components)).of(artefact(1))).toEqual({ jobs: 3, in: 30, out: 300 });
  await storage.put('measurements', 'paid-work', [['no artefact', 'no days']]);
  expect((await openPaidWork(components)).of(artefact(1)).jobs).toBe(0);
});

test('is bounded: the model that was paid for longest ago goes first', () => {
  const book = createPaidWork({ clock: manualClock() });
  for (let n = 0; n < paidWorkLimits.artefactsMax; n++) book.note(artefact(n), once);
  book.note(artefact(0), once);
  book.note(artefact(1_000), once);
  expect([0, 1, 2, 1_000].map((n) => book.of(artefact(n)).jobs)).toEqual([2, 0, 1, 1]);
});
