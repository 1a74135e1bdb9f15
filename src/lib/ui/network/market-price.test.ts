import { expect, test } from 'vitest';
import { hoursOld, marketPriceText, modelPrice, spreadText } from './market-price.ts';

const price = {
  kind: 'llm',
  model: 'a',
  perMillion: 2_500_000n,
  low: 2_000_000n,
  high: 4_000_000n,
  payers: 4,
  tokens: 120_000,
  until: Date.parse('2026-11-30'),
};

test('a price is said with who paid it and for how much', () => {
  expect(marketPriceText(price)).toBe('$2.50 for 1M tokens, paid by 4 payers for 120,000 tokens');
});

test('only the model itself has its price', () => {
  expect(modelPrice([price], 'a')).toBe(price);
  expect(modelPrice([price], 'b')).toBeUndefined();
});

test('what single payers paid is a range, or one price where all paid the same', () => {
  expect(spreadText(price)).toBe('$2.00 – $4.00');
  expect(spreadText({ ...price, high: price.low })).toBe('$2.00');
});

test('a price is as old as the end of the day that it rests on, in whole hours', () => {
  expect(hoursOld(price, price.until + 3_600_000 * 13.9)).toBe(13);
  expect(hoursOld(price, price.until + 3_600_000 * 49)).toBe(49);
  // A clock that is slow makes nothing younger than its end.
  expect(hoursOld(price, price.until - 5)).toBe(0);
});
