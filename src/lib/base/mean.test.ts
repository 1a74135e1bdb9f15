import { expect, test } from 'vitest';
import { ewma } from './mean.ts';

test('the first value begins it, later ones pull it, and what is no measurement leaves it', () => {
  expect(ewma(undefined, 10)).toBe(10);
  expect(ewma(10, 20)).toBe(13);
  expect(ewma(0, 10)).toBe(3);
  for (const nothing of [undefined, Number.NaN, Number.POSITIVE_INFINITY, -1]) {
    expect([ewma(10, nothing), ewma(undefined, nothing)]).toEqual([10, undefined]);
  }
});
