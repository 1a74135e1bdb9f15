import fc from 'fast-check';
import { expect, test } from 'vitest';
import { amountSchema, channelUnitsMax, checkAmount, formatAmount, parseAmount } from './amount.ts';

test.each([
  ['0', 0n],
  ['1', 1_000_000n],
  ['1.25', 1_250_000n],
  ['0.000001', 1n],
  [' 007.5 ', 7_500_000n],
  ['9007199254740993.000001', 9_007_199_254_740_993_000_001n],
])('parses %j exactly', (text, units) => {
  expect(parseAmount(text, 6)).toBe(units);
});

test.each(['', '.', '1.', '.5', '-1', '+1', '1e6', '1,5', '0x10', '1.0000001', 'NaN', '١', '1'.repeat(61)])(
  'refuses %j',
  (text) => {
    expect(() => parseAmount(text, 6)).toThrow(expect.objectContaining({ code: 'bad-amount' }));
  },
);

test.each([
  [0n, 0, '0'],
  [1n, 0, '0.000001'],
  [1_250_000n, 0, '1.25'],
  [1_000_000n, 0, '1'],
  [1_000_000n, 2, '1.00'],
  [1_234_567n, 2, '1.234567'],
  [1n, 9, '0.000001'],
  [-1_500_000n, 2, '-1.50'],
])('formats %s with at least %i decimals', (units, least, text) => {
  expect(formatAmount(units, 6, least)).toBe(text);
});

test('formatting and parsing round-trip at any number of decimals', () => {
  fc.assert(
    fc.property(fc.bigInt(0n, 2n ** 128n), fc.nat(18), fc.nat(20), (units, decimals, least) => {
      expect(parseAmount(formatAmount(units, decimals, least), decimals)).toBe(units);
    }),
    { seed: 3 },
  );
});

test('an amount to send must be positive and within the maximum', () => {
  checkAmount(1n);
  checkAmount(channelUnitsMax);
  expect(() => checkAmount(0n)).toThrow(expect.objectContaining({ code: 'amount-zero' }));
  expect(() => checkAmount(-1n)).toThrow(expect.objectContaining({ code: 'amount-zero' }));
  expect(() => checkAmount(channelUnitsMax + 1n)).toThrow(expect.objectContaining({ code: 'amount-too-large' }));
});

test('an amount in a record has at most 128 bits and one valid spelling', () => {
  expect(amountSchema.parse((2n ** 128n - 1n).toString())).toBe(2n ** 128n - 1n);
  expect(amountSchema.parse('0')).toBe(0n);
  for (const text of [(2n ** 128n).toString(), '01', '-1', '1.0', '', '1'.repeat(40)]) {
    expect(amountSchema.safeParse(text).success).toBe(false);
  }
});
