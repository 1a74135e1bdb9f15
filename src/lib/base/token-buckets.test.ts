import { expect, test } from 'vitest';
import { manualClock } from './clock.fixture.ts';
import { createTokenBuckets } from './token-buckets.ts';

const setup = (sharesMax = 10) => {
  const clock = manualClock();
  return { clock, buckets: createTokenBuckets(clock, { burst: 10, perSecond: 2, sharesMax }) };
};

test('a burst, then the rate, each share for itself', async () => {
  const { clock, buckets } = setup();
  for (let i = 0; i < 10; i++) expect(buckets.take('a')).toBe(true);
  expect(buckets.take('a')).toBe(false);
  expect(buckets.take('b')).toBe(true);
  await clock.advance(499);
  expect(buckets.take('a')).toBe(false);
  await clock.advance(1);
  expect([buckets.take('a'), buckets.take('a')]).toEqual([true, false]);
  await clock.advance(3_600_000);
  expect([buckets.take('a', 10), buckets.take('a', 1)]).toEqual([true, false]);
});

test('what costs more than is left takes nothing', () => {
  const { buckets } = setup();
  expect([buckets.take('a', 11), buckets.take('a', 10)]).toEqual([false, true]);
});

test('a charge is always taken, and says how long it takes to make up for it', async () => {
  const { clock, buckets } = setup();
  expect([buckets.charge('a', 10), buckets.charge('a', 4), buckets.charge('a', 2)]).toEqual([0, 2_000, 3_000]);
  expect(buckets.take('a')).toBe(false);
  await clock.advance(3_500);
  expect([buckets.take('a'), buckets.take('a')]).toEqual([true, false]);
});

test('of many shares the one used longest ago is forgotten', () => {
  const { buckets } = setup(2);
  buckets.take('a', 10);
  buckets.take('b', 10);
  expect(buckets.take('b')).toBe(false);
  buckets.take('c', 10);
  expect([buckets.take('b'), buckets.take('a')]).toEqual([false, true]);
});
