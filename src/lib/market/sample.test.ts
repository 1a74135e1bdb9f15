import { expect, test } from 'vitest';
import { seededRandom } from '#lib/base/random.ts';
import { drawSample } from './sample.ts';

test('a sample is of the size asked for, without repeats, and not always the same', () => {
  const random = seededRandom(5);
  const from = Array.from({ length: 20 }, (_, i) => i);
  const samples = Array.from({ length: 50 }, () => drawSample(from, 5, random));
  for (const sample of samples) expect(new Set(sample).size).toBe(5);
  expect(new Set(samples.flat()).size).toBe(20);
  expect(drawSample(from, 50, random)).toHaveLength(20);
  expect(drawSample([], 5, random)).toEqual([]);
});

test('what is not accepted is passed over, and everything is looked at before it is too little', () => {
  const from = Array.from({ length: 1_000 }, (_, i) => i);
  const looked: number[] = [];
  const sample = drawSample(from, 5, seededRandom(1), (one) => (looked.push(one), one % 250 === 0));
  expect(sample.toSorted((a, b) => a - b)).toEqual([0, 250, 500, 750]);
  expect(new Set(looked).size).toBe(1_000);
  expect(from).toEqual(Array.from({ length: 1_000 }, (_, i) => i));
});

test('each is drawn as often as any other', () => {
  const random = seededRandom(9);
  const drawn = Array.from({ length: 10 }, () => 0);
  for (let i = 0; i < 5_000; i++) for (const one of drawSample([...drawn.keys()], 3, random)) drawn[one]! += 1;
  for (const times of drawn) expect(Math.abs(times - 1_500)).toBeLessThan(150);
});
