import { expect, test } from 'vitest';
import { seededRandom } from '#lib/base/random.ts';
import { addMargins, readSequential, sequentialStart, type Sequential } from './sequential.ts';

/** Margins of which this share are mismatches. */
function drawn(seed: number, share: number, tokens: number): readonly number[] {
  const random = seededRandom(seed);
  return Array.from({ length: tokens }, () => (random.float() < share ? 1 : 0));
}

test('a worker at the honest bound is hardly ever convicted, however long it is watched', () => {
  const ends = Array.from({ length: 50 }, (_, seed) => addMargins(sequentialStart, drawn(seed, 0.015, 5_000)));
  expect(ends.filter(({ verdict }) => verdict === 'convicted')).toEqual([]);
  expect(ends.filter(({ cleared }) => cleared > 0).length).toBeGreaterThan(45);
});

test('one at the fraud bound is convicted by a difference that no single answer shows', () => {
  const ends = Array.from({ length: 50 }, (_, seed) => addMargins(sequentialStart, drawn(seed, 0.03, 10_000)));
  expect(ends.filter(({ verdict }) => verdict === 'convicted').length).toBeGreaterThanOrEqual(49);
});

test('token by token or all at once, and stored in between, it comes to the same', () => {
  const margins = drawn(3, 0.02, 3_000);
  let state: Sequential = sequentialStart;
  for (const margin of margins) state = readSequential(JSON.parse(JSON.stringify(addMargins(state, [margin]))));
  expect(state).toEqual(addMargins(sequentialStart, margins));
});

test('years of honesty pay for nothing: a cleared test is followed by a new one', () => {
  const honest = addMargins(sequentialStart, drawn(1, 0, 100_000));
  expect(honest.cleared).toBeGreaterThan(300);
  const turned = addMargins(honest, drawn(2, 1, 24));
  expect(turned.verdict).toBe('convicted');
});

test('a conviction stays', () => {
  const convicted = addMargins(sequentialStart, drawn(1, 1, 14));
  expect(convicted).toMatchObject({ tokens: 14, verdict: 'convicted' });
  expect(addMargins(convicted, drawn(1, 0, 1_000))).toEqual(convicted);
});

test('near ties are no mismatches', () => {
  expect(addMargins(sequentialStart, [0.2, 0.25])).toMatchObject({ tokens: 2, mismatches: 0 });
});

test.each([
  undefined,
  null,
  3,
  {},
  { ...sequentialStart, tokens: -1 },
  { ...sequentialStart, mismatches: 1 },
  { ...sequentialStart, x: 1 },
])('anything else that was stored is a fresh start: %o', (stored) => {
  expect(readSequential(stored)).toEqual(sequentialStart);
});
