import { expect, test } from 'vitest';
import { calculate } from './calculator.ts';

const codeOf = (expression: string): string => {
  try {
    return calculate(expression);
  } catch (error) {
    return (error as { code: string }).code;
  }
};

test('is exact where floating point is not', () => {
  expect(calculate('0.1 + 0.2')).toBe('0.3');
  expect(calculate('9007199254740993 * 3')).toBe('27021597764222979');
  expect(calculate('2^200')).toBe(String(2n ** 200n));
  expect(calculate('1/3 + 1/6')).toBe('0.5');
  expect(calculate('1/3')).toBe('1/3 ≈ 0.33333333333333333333');
  expect(calculate('1e-3 * 1.5E2')).toBe('0.15');
});

test('follows the order of operations', () => {
  expect(calculate('2 + 3 * 4 - 6 / 3')).toBe('12');
  expect(calculate('(2 + 3) × 4 ÷ 2')).toBe('10');
  expect(calculate('-2^2')).toBe('-4');
  expect(calculate('2^3^2')).toBe('512');
  expect(calculate('2**-2')).toBe('0.25');
  expect(calculate('-7 % 3')).toBe('2');
  expect(calculate('- -3')).toBe('3');
});

test('knows a few functions, and says where a root does not end', () => {
  expect(calculate('sqrt(144) + sqrt(2.25)')).toBe('13.5');
  expect(calculate('sqrt(2)')).toBe('≈ 1.4142135623730950488');
  expect(calculate('max(1, 7, 3) - min(2, 1/2)')).toBe('6.5');
  expect(calculate('round(2.5) + floor(-1.5) + ceil(1.2) + abs(-3)')).toBe('6');
});

test('refuses what it cannot work out, and never runs anything', () => {
  for (const expression of [
    '',
    '1 +',
    '(1',
    '1)',
    '1 2',
    'x',
    'eval(1)',
    'constructor(1)',
    '2 $ 3',
    '..',
    'sqrt(1, 2)',
  ])
    expect(codeOf(expression), expression).toBe('calculation-unreadable');
  expect(codeOf('1 / (2 - 2)')).toBe('division-by-zero');
  expect(codeOf('5 % 0')).toBe('division-by-zero');
  expect(codeOf('2^0.5')).toBe('calculation-inexact');
  expect(codeOf('sqrt(-1)')).toBe('calculation-inexact');
  for (const expression of ['9^9^9', '10^5000', '1e999999', '1'.repeat(1_001)])
    expect(codeOf(expression), expression).toBe('calculation-too-large');
  expect(codeOf('('.repeat(400) + '1' + ')'.repeat(400))).toBe('calculation-unreadable');
  expect(calculate('1^999999999')).toBe('1');
  expect(calculate('(-1)^999999999')).toBe('-1');
});
