import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { createDenyList, denyLimits } from './deny-list.ts';

test('a peer is denied when it reaches the limit, and admitted again later', async () => {
  const clock = manualClock();
  const list = createDenyList(clock);
  for (let i = 1; i < denyLimits.rejectionsMax; i++) expect(list.reject('p')).toBe(false);
  expect(list.denies('p')).toBe(false);
  expect(list.reject('p')).toBe(true);
  expect(list.denies('p')).toBe(true);
  expect(list.denies('q')).toBe(false);
  await clock.advance(denyLimits.denyMs + 1);
  expect(list.denies('p')).toBe(false);
});

test('old rejections expire', async () => {
  const clock = manualClock();
  const list = createDenyList(clock);
  for (let i = 0; i < denyLimits.rejectionsMax * 2; i++) {
    expect(list.reject('p')).toBe(false);
    await clock.advance(denyLimits.windowMs);
  }
});

test('the list is bounded', () => {
  const list = createDenyList(manualClock());
  for (let i = 0; i < denyLimits.rejectionsMax; i++) list.reject('first');
  for (let i = 0; i < denyLimits.peersMax; i++) list.reject(`p${i}`);
  expect(list.denies('first')).toBe(false);
});
