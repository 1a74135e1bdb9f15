import { expect, test } from 'vitest';
import { boughtPriority, queuePriority } from './priority.ts';
import { workTypical } from './work.ts';

test('a peer that served ranks above a stranger, even after receiving as much', () => {
  const stranger = queuePriority({ earned: 0, given: 0 });
  expect(stranger).toBe(0);
  expect(queuePriority({ earned: workTypical, given: 0 })).toBe(1);
  expect(queuePriority({ earned: workTypical, given: workTypical })).toBe(0.5);
  expect(queuePriority({ earned: 1, given: 1e15 })).toBeGreaterThan(stranger);
});

test('money buys a place before strangers, and none before those that serve more', () => {
  expect(boughtPriority).toBeGreaterThan(0);
  expect(boughtPriority).toBeLessThan(queuePriority({ earned: 2 * workTypical, given: 0 }));
});

test('a peer that failed, or only consumed, ranks like a new key', () => {
  expect(queuePriority({ earned: -1e9, given: 0 })).toBe(0);
  expect(queuePriority({ earned: 0, given: 1e9 })).toBe(0);
});
