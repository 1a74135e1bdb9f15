import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { breakerLimits } from '#lib/market/breaker.ts';
import type { Outcome } from '#lib/market/outcome.ts';
import { limits } from '#lib/protocol/limits.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { brokenOf, noStanding, standingLimits } from '#lib/market/standing.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { createTrackRecord, openTrackRecord, trackRecordLimits } from './track-record.ts';

const [model, other] = ['a'.repeat(64), 'b'.repeat(64)];
const failed: Outcome = { type: 'failed', promise: 'lost' };
const finished: Outcome = { type: 'finished', seen: { tokens: 100, spanMs: 2_000, ttftMs: 50 } };

async function probed() {
  const clock = manualClock();
  const record = createTrackRecord({ clock });
  for (let i = 0; i < breakerLimits.failuresMax; i++) record.record('A', model, failed);
  expect(record.isParked('A', model)).toBe(true);
  await clock.advance(breakerLimits.parkMs);
  record.chosen('A', model, 'full');
  expect(record.isParked('A', model)).toBe(true);
  return record;
}

test('a probe that is given up by the asker opens the way again and is no failure', async () => {
  const record = await probed();
  record.record('A', model, { type: 'unjudged' });
  expect(record.isParked('A', model)).toBe(false);
  expect(brokenOf(record.standing('A', model)!)).toBeCloseTo(breakerLimits.failuresMax, 3);
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
  expect(record.standing('A', other)).toMatchObject({ finished: 1, broken: {}, decodeTps: 50 });
  expect(record.standing('A', model)?.decodeTps).toBeUndefined();
});

test('one outage that loses several jobs is one fault, and parks the worker all the same', async () => {
  const clock = manualClock();
  const record = createTrackRecord({ clock });
  const sentAt = clock.now();
  await clock.advance(1_000);
  for (let job = 0; job < breakerLimits.failuresMax; job++) {
    const sameOutage = record.isSameOutage('A', sentAt);
    expect(sameOutage).toBe(job > 0);
    record.record('A', model, sameOutage ? { ...failed, sameOutage } : failed);
  }
  expect(record.standing('A', model)?.broken).toEqual({ lost: 1 });
  expect(record.isParked('A', model)).toBe(true);
  // Of another model at the same worker it is the same outage, at another worker it is none.
  expect([record.isSameOutage('A', sentAt), record.isSameOutage('B', sentAt)]).toEqual([true, false]);
  // What is sent after it, or lost much later, is another.
  expect(record.isSameOutage('A', clock.now() + 1)).toBe(false);
  await clock.advance(trackRecordLimits.outageMs);
  expect(record.isSameOutage('A', sentAt)).toBe(false);
});

test('a worker that has finished a job since is not in that outage any more', () => {
  const clock = manualClock();
  const record = createTrackRecord({ clock });
  record.record('A', model, failed);
  record.record('A', other, finished);
  expect(record.isSameOutage('A', clock.now())).toBe(false);
  record.record('A', model, failed);
  expect(record.standing('A', model)?.broken['lost']).toBeCloseTo(2, 3);
});

test('those who have finished jobs of a model are known for it, the latest last, and not without end', () => {
  const record = createTrackRecord({ clock: manualClock() });
  for (let i = 0; i < 40; i++) record.record(`P${i}`, model, finished);
  record.record('P20', model, finished);
  record.record('F', model, failed);
  record.record('O', other, finished);
  expect(record.known(model)).toHaveLength(32);
  expect(record.known(model).slice(-2)).toEqual(['P39', 'P20']);
  expect([record.known(other), record.known('c'.repeat(64))]).toEqual([['O'], []]);
});

test('jobs under way are counted until they are recorded, and not for ever', async () => {
  const clock = manualClock();
  const record = createTrackRecord({ clock });
  expect(record.underWay('A', model)).toBe(0);
  record.chosen('A', model, 'free');
  expect([record.underWay('A', model), record.offeredFree('A', model)]).toEqual([1, true]);
  record.chosen('A', model, 'free');
  // With two of its own there, the asker cannot expect both to find the slot.
  expect([record.underWay('A', model), record.offeredFree('A', model)]).toEqual([2, false]);
  await clock.advance(1_000);
  record.chosen('A', model, 'free');
  expect(record.underWay('A', model, clock.now() - 999)).toBe(1);
  record.record('A', model, finished);
  record.record('A', model, finished);
  expect([record.underWay('A', model), record.underWay('A', other)]).toEqual([1, 0]);
  await clock.advance(limits.jobDeadlineMsMax);
  expect(record.underWay('A', model)).toBe(0);
});

test('standing outlives a restart; what cannot be read of it is left out', async () => {
  const clock = manualClock();
  const storage = createMemoryStorage();
  const components = { clock, storage, logger: silentLogger };
  const before = await openTrackRecord(components);
  for (let i = 0; i < 3; i++) before.record('A', model, finished);
  before.record('B', model, failed);
  before.recordFork('C', model);
  await before.settled();
  await storage.put('measurements', `standing/D ${model}`, { finished: 'many' });

  const after = await openTrackRecord(components);
  for (const peer of ['A', 'B', 'C']) expect(after.standing(peer, model)).toEqual(before.standing(peer, model));
  expect(after.standing('D', model)).toBeUndefined();
  expect(after.known(model)).toEqual(['A']);
});

test('changes are stored by themselves within seconds, the latest of each worker', async () => {
  const clock = manualClock();
  const storage = createMemoryStorage();
  const record = await openTrackRecord({ clock, storage, logger: silentLogger });
  record.record('A', model, finished);
  record.record('A', model, finished);
  await clock.advance(trackRecordLimits.flushMs);
  const stored = await storage.list('measurements', { prefix: 'standing/', limit: 10 });
  expect(stored).toMatchObject([{ key: `standing/A ${model}`, value: { finished: 2 } }]);
});

test('strangers without end push each other out, and nobody with standing', () => {
  const record = createTrackRecord({ clock: manualClock() });
  for (let i = 0; i < standingLimits.establishedAt; i++) record.record('honest', model, finished);
  for (let i = 0; i < trackRecordLimits.standingsMax + 100; i++) record.record(`S${i}`, model, failed);
  expect(record.standing('honest', model)).toMatchObject({ finished: standingLimits.establishedAt });
  expect(record.standing('S0', model)).toBeUndefined();
  expect(record.standing(`S${trackRecordLimits.standingsMax}`, model)).toBeDefined();
});

test('A4: a fork is remembered of a worker that was as good as any', () => {
  const record = createTrackRecord({ clock: manualClock() });
  record.record('A', model, finished);
  record.recordFork('A', model);
  record.record('A', model, finished);
  expect(record.standing('A', model)).toMatchObject({
    ...noStanding,
    finished: 2,
    forked: true,
    decodeTps: 50,
    ttftMs: 50,
    at: expect.any(Number),
  });
});
