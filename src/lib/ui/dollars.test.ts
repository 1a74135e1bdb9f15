import { expect, test } from 'vitest';
import { editableDollars, formatDollars, parseDollars } from './dollars.ts';

test('amounts are shown to the unit, with two decimals at least', () => {
  expect(['0', '1', '128', '10000', '1250000', '1234567890000'].map(formatDollars)).toEqual([
    '$0.00',
    '$0.000001',
    '$0.000128',
    '$0.01',
    '$1.25',
    '$1,234,567.89',
  ]);
  expect(formatDollars(9_007_199_254_740_993_000_001n)).toBe('$9,007,199,254,740,993.000001');
  expect(formatDollars(-5_000n)).toBe('-$0.005');
});

test('what is entered is read exactly, or not at all', () => {
  expect(['0.01', ' $2 ', '1.250000', '0'].map(parseDollars)).toEqual(['10000', '2000000', '1250000', '0']);
  expect(['', '.5', '1.2345678', '-1', '1e3', '1,000', '1 2', '9999999999'].map(parseDollars)).toEqual(
    Array.from({ length: 8 }),
  );
});

test('a field shows what it would be read as', () => {
  for (const units of ['0', '1', '10000', '1234567890000']) expect(parseDollars(editableDollars(units))).toBe(units);
});
