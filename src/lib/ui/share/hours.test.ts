import { expect, test } from 'vitest';
import { clockText, toMinute, weekdays } from './hours.ts';

test('times read as they were written, and nothing else is a time', () => {
  for (const text of ['00:00', '09:05', '23:59']) expect(clockText(toMinute(text)!)).toBe(text);
  expect(['', '24:00', '9:05', '12:60', 'noon'].map(toMinute)).toEqual(Array(5).fill(undefined));
});

test('the week begins as it does where the user lives', () => {
  expect(weekdays('de-DE').map(({ day }) => day)).toEqual([1, 2, 3, 4, 5, 6, 0]);
  expect(weekdays('en-US').map(({ day, long }) => `${day} ${long}`)[0]).toBe('0 Sunday');
});
