import { expect, test } from 'vitest';
import { readNumber } from './number-field.ts';

const share = { min: 0, max: 2, step: 0.1 };
const tokens = { min: 16, max: 8_192, step: 1 };

test('a number within its bounds, nothing, and all else apart', () => {
  expect(readNumber('0.75', false, share)).toEqual({ kind: 'number', value: 0.75 });
  expect(readNumber('2', false, share)).toEqual({ kind: 'number', value: 2 });
  expect(readNumber('', false, share)).toEqual({ kind: 'empty' });
  expect(readNumber('', true, share)).toEqual({ kind: 'wrong' });
  expect(readNumber('-0.1', false, share)).toEqual({ kind: 'wrong' });
  expect(readNumber('9', false, share)).toEqual({ kind: 'wrong' });
});

test('a fraction is no count', () => {
  expect(readNumber('512', false, tokens)).toEqual({ kind: 'number', value: 512 });
  expect(readNumber('512.5', false, tokens)).toEqual({ kind: 'wrong' });
  expect(readNumber('15', false, tokens)).toEqual({ kind: 'wrong' });
});
