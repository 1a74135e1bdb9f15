import { expect, test } from 'vitest';
import { fullness, isInOrder, priceAt } from './queue-price.ts';

const range = { idle: { in: '100', out: '10' }, full: { in: '200', out: '13' } };

test('a price follows the queue from one bound to the other, and not past them', () => {
  const prices = [0, 1, 2, 4, 6, 8, 99].map((waiting) => priceAt(range, fullness(waiting, 8)));
  expect(prices.map(({ in: input }) => input)).toEqual(['100', '100', '125', '150', '175', '200', '200']);
  expect(prices.map(({ out }) => out)).toEqual(['10', '10', '10', '11', '12', '13', '13']);
});

test('bounds are in order where a full queue is no cheaper, in numbers and in both directions', () => {
  expect(isInOrder(range)).toBe(true);
  expect(isInOrder({ idle: range.idle, full: range.idle })).toBe(true);
  expect(isInOrder({ idle: range.idle, full: { in: '200', out: '9' } })).toBe(false);
  expect(isInOrder({ idle: range.idle, full: { in: '99', out: '13' } })).toBe(false);
});

test('equal bounds are a fixed price', () => {
  for (let step = 0; step <= 4; step++)
    expect(priceAt({ idle: range.idle, full: range.idle }, step)).toEqual(range.idle);
});
