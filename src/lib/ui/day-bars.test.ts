import { expect, test } from 'vitest';
import { dayBars, sumsByName } from './day-bars.ts';

const days = [
  { day: '2026-10-01', parts: [{ name: 'old', amount: 99n }] },
  {
    day: '2026-11-28',
    parts: [
      { name: 'a', amount: 1n },
      { name: 'b', amount: 3n },
    ],
  },
  { day: '2026-11-30', parts: [{ name: 'a', amount: 8n }] },
];

test('one bar a day, empty days too, each as high as its share of the best', () => {
  expect(dayBars(days, '2026-11-30', 3)).toEqual([
    {
      day: '2026-11-28',
      total: 4n,
      parts: [
        { name: 'a', from: 0, height: 0.125 },
        { name: 'b', from: 0.125, height: 0.375 },
      ],
    },
    { day: '2026-11-29', total: 0n, parts: [] },
    { day: '2026-11-30', total: 8n, parts: [{ name: 'a', from: 0, height: 1 }] },
  ]);
  expect(dayBars([], '2026-11-30', 2).map(({ total }) => total)).toEqual([0n, 0n]);
});

test('the largest sum comes first', () =>
  expect(sumsByName(days)).toEqual([
    { name: 'old', amount: 99n },
    { name: 'a', amount: 9n },
    { name: 'b', amount: 3n },
  ]));
