import { expect, test } from 'vitest';
import { createShare } from './share.ts';

test('uses are never more than their share of the jobs, and what was not used is not saved for ever', () => {
  const share = createShare(0.03, 3);
  let used = 0;
  for (let job = 1; job <= 10_000; job++) {
    share.earn();
    if (share.isDue) {
      share.spend();
      used += 1;
    }
    expect(used).toBeLessThanOrEqual(job * 0.03 + 1e-6);
  }
  expect(used).toBeGreaterThanOrEqual(299);
  for (let job = 0; job < 10_000; job++) share.earn();
  for (let use = 0; use < 3; use++) share.spend();
  expect(share.isDue).toBe(false);
});

test('what costs more than was saved is earned back first', () => {
  const share = createShare(0.5, 1);
  share.spend(2);
  for (let job = 0; job < 5; job++) share.earn();
  expect(share.isDue).toBe(false);
  share.earn();
  expect(share.isDue).toBe(true);
});
