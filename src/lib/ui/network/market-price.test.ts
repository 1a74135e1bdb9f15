import { expect, test } from 'vitest';
import { marketPriceText, modelPrice } from './market-price.ts';

const price = { kind: 'llm', model: 'a', perMillion: 2_500_000n, payers: 4, tokens: 120_000, day: '2026-11-29' };

test('a price is said with who paid it and for how much', () => {
  expect(marketPriceText(price)).toBe('$2.50 for 1M tokens, paid by 4 payers for 120,000 tokens');
});

test('only the model itself has its price', () => {
  expect(modelPrice([price], 'a')).toBe(price);
  expect(modelPrice([price], 'b')).toBeUndefined();
});
