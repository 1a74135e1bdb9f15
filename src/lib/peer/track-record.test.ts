import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.ts';
import { breakerLimits } from '#lib/market/breaker.ts';
import { createTrackRecord } from './track-record.ts';

async function probed() {
  const clock = manualClock();
  const record = createTrackRecord(clock);
  for (let i = 0; i < breakerLimits.failuresMax; i++) record.failed('A');
  expect(record.isParked('A')).toBe(true);
  await clock.advance(breakerLimits.parkMs);
  record.chosen('A');
  expect(record.isParked('A')).toBe(true);
  return record;
}

test('a probe that is refused, or given up by the asker, opens the way again and is no failure', async () => {
  const record = await probed();
  record.refused('A');
  expect(record.isParked('A')).toBe(false);
  expect(record.history('A')).toMatchObject({ failed: breakerLimits.failuresMax, finished: 0 });
});

test('one that fails parks it anew', async () => {
  const record = await probed();
  record.failed('A');
  expect(record.isParked('A')).toBe(true);
});
