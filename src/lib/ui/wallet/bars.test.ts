import { expect, test } from 'vitest';
import { earningBars, earningModels } from './bars.ts';

const days = [
  { day: '2026-10-01', spent: 0n, earned: [{ model: 'old', units: 99n }] },
  {
    day: '2026-11-28',
    spent: 5n,
    earned: [
      { model: 'a', units: 1n },
      { model: 'b', units: 3n },
    ],
  },
  { day: '2026-11-30', spent: 0n, earned: [{ model: 'a', units: 8n }] },
];

test('one bar a day, empty days too, each as high as its share of the best', () => {
  expect(earningBars(days, '2026-11-30', 3)).toEqual([
    {
      day: '2026-11-28',
      total: 4n,
      parts: [
        { model: 'a', from: 0, height: 0.125 },
        { model: 'b', from: 0.125, height: 0.375 },
      ],
    },
    { day: '2026-11-29', total: 0n, parts: [] },
    { day: '2026-11-30', total: 8n, parts: [{ model: 'a', from: 0, height: 1 }] },
  ]);
  expect(earningBars([], '2026-11-30', 2).map(({ total }) => total)).toEqual([0n, 0n]);
});

test('the best model comes first', () =>
  expect(earningModels(days)).toEqual([
    { model: 'old', units: 99n },
    { model: 'a', units: 9n },
    { model: 'b', units: 3n },
  ]));
