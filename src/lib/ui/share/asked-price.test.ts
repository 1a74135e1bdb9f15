import { expect, test } from 'vitest';
import { askedOf, isRising, isSameAsked, isSavable } from './asked-price.ts';

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

test('a price is saved where it is another one, can be paid, and no field beside it holds what is no amount', () => {
  const saved = { in: '0', out: '0' };
  const dearer = { in: '0', out: '10000' };
  expect(isSavable(dearer, saved, { wrong: 0, paid: true })).toBe(true);
  expect(isSavable(dearer, saved, { wrong: 1, paid: true })).toBe(false);
  expect(isSavable(dearer, saved, { wrong: 0, paid: false })).toBe(false);
  expect(isSavable(saved, dearer, { wrong: 0, paid: false })).toBe(true);
  expect(isSavable(dearer, dearer, { wrong: 0, paid: true })).toBe(false);
  expect(isSavable({ ...dearer, full: { in: '0', out: '1' } }, saved, { wrong: 0, paid: true })).toBe(false);
});
