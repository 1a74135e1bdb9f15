import { expect, test } from 'vitest';
import { formatAgo } from './ago.ts';

test('formats the time since an event', () => {
  const now = 1_700_000_000_000;
  expect([0, 5 * 60_000, 3 * 3_600_000].map((ms) => formatAgo(now - ms, now))).toEqual([
    'just now',
    '5 min ago',
    '3 h ago',
  ]);
  expect(formatAgo(now - 40 * 86_400_000, now)).toMatch(/2023/);
});
