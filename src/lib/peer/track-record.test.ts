import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.ts';
import { breakerLimits } from '#lib/market/breaker.ts';
import type { Outcome } from '#lib/market/outcome.ts';
import { createTrackRecord } from './track-record.ts';

const [model, other] = ['a'.repeat(64), 'b'.repeat(64)];
const failed: Outcome = { type: 'failed', why: 'lost' };
const finished: Outcome = { type: 'finished', seen: { tokens: 100, spanMs: 2_000, ttftMs: 50 } };

async function probed() {
  const clock = manualClock();
  const record = createTrackRecord(clock);
  for (let i = 0; i < breakerLimits.failuresMax; i++) record.record('A', model, failed);
  expect(record.isParked('A', model)).toBe(true);
  await clock.advance(breakerLimits.parkMs);
  record.chosen('A', model);
  expect(record.isParked('A', model)).toBe(true);
  return record;
}

test('a probe that is given up by the asker opens the way again and is no failure', async () => {
  const record = await probed();
  record.record('A', model, { type: 'unjudged' });
  expect(record.isParked('A', model)).toBe(false);
  expect(record.history('A', model)).toMatchObject({ failed: breakerLimits.failuresMax, finished: 0 });
});

test('one that fails parks it anew', async () => {
  const record = await probed();
  record.record('A', model, failed);
  expect(record.isParked('A', model)).toBe(true);
});

test('A7: a worker is parked for the model that it fails at, and its others are not', async () => {
  const record = await probed();
  expect(record.isParked('A', other)).toBe(false);
  record.record('A', other, finished);
  expect(record.history('A', other)).toMatchObject({ finished: 1, failed: 0, decodeTps: 50 });
  expect(record.history('A', model)?.decodeTps).toBeUndefined();
});

test('those who have finished jobs of a model are known for it, the latest last, and not without end', () => {
  const record = createTrackRecord(manualClock());
  for (let i = 0; i < 40; i++) record.record(`P${i}`, model, finished);
  record.record('P20', model, finished);
  record.record('F', model, failed);
  record.record('O', other, finished);
  expect(record.known(model)).toHaveLength(32);
  expect(record.known(model).slice(-2)).toEqual(['P39', 'P20']);
  expect([record.known(other), record.known('c'.repeat(64))]).toEqual([['O'], []]);
});
