import { expect, test } from 'vitest';
import { askedOf, isRising, isSameAsked } from './asked-price.ts';

const price = { in: '100', out: '9' };

test('a range rises in both directions, or stays', () => {
  expect(isRising(price)).toBe(true);
  expect(isRising({ ...price, full: { in: '100', out: '10' } })).toBe(true);
  expect(isRising({ ...price, full: { in: '99', out: '10' } })).toBe(false);
  // As numbers, not as text.
  expect(isRising({ ...price, full: { in: '100', out: '8' } })).toBe(false);
});

test('a range with equal ends is one price', () => {
  expect(askedOf({ ...price, full: { ...price } })).toEqual(price);
  expect(isSameAsked({ ...price, full: { ...price } }, price)).toBe(true);
  expect(isSameAsked({ ...price, full: { in: '100', out: '10' } }, price)).toBe(false);
});
