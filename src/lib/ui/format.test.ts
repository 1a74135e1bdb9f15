import { expect, test } from 'vitest';
import { formatAgo, formatDuration, formatRate, plural } from './format.ts';

test('rates: unknown is a dash, never NaN', () => {
  expect([undefined, Number.NaN, Number.POSITIVE_INFINITY, 4.26, 312.4].map(formatRate)).toEqual([
    '–',
    '–',
    '–',
    '4.3',
    '312',
  ]);
});

test('durations', () => {
  expect([12.4, 1_500, 42_000, 61_000, 3_725_000].map(formatDuration)).toEqual([
    '12 ms',
    '1.5 s',
    '42 s',
    '1 min 01 s',
    '1 h 02 min',
  ]);
});

test('how long ago', () => {
  const now = 1_700_000_000_000;
  expect([0, 5 * 60_000, 3 * 3_600_000].map((ms) => formatAgo(now - ms, now))).toEqual([
    'just now',
    '5 min ago',
    '3 h ago',
  ]);
  expect(formatAgo(now - 40 * 86_400_000, now)).toMatch(/2023/);
});

test('plural', () => {
  expect([plural(1, 'peer'), plural(0, 'peer'), plural(1_200, 'peer'), plural(2, 'entry', 'entries')]).toEqual([
    '1 peer',
    '0 peers',
    '1,200 peers',
    '2 entries',
  ]);
});
