import { expect, test } from 'vitest';
import { nextFocus } from './focus-trap.ts';

const elements = ['first', 'middle', 'last'];

test('at both ends the focus goes round; in between the browser moves it', () => {
  expect(nextFocus(elements, 'last', 'forward')).toBe('first');
  expect(nextFocus(elements, 'first', 'back')).toBe('last');
  expect(nextFocus(elements, 'middle', 'forward')).toBeUndefined();
  expect(nextFocus(elements, 'first', 'forward')).toBeUndefined();
});

test('from outside it comes in at the nearer end', () => {
  expect(nextFocus(elements, null, 'forward')).toBe('first');
  expect(nextFocus(elements, 'elsewhere', 'back')).toBe('last');
  expect(nextFocus([], null, 'forward')).toBeUndefined();
});
