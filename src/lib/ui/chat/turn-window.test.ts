import { expect, test } from 'vitest';
import { around, atEnd, boundsOf, withEarlier, withEnd, withLater } from './turn-window.ts';

test('a conversation opens at its end and grows upwards', () => {
  expect(boundsOf(atEnd, 7)).toEqual({ from: 0, to: 7 });
  expect(boundsOf(atEnd, 5_000)).toEqual({ from: 4_970, to: 5_000 });
  expect(boundsOf(withEarlier(atEnd), 5_000)).toEqual({ from: 4_920, to: 5_000 });
  expect(boundsOf(atEnd, 0)).toEqual({ from: 0, to: 0 });
});

test('a turn far up is drawn with what stands around it, and not with all that follows', () => {
  const found = around(atEnd, 5_000, 100);
  expect(boundsOf(found, 5_000)).toEqual({ from: 80, to: 110 });
  expect(boundsOf(withLater(found), 5_000)).toEqual({ from: 80, to: 160 });
  expect(boundsOf(withEarlier(found), 5_000)).toEqual({ from: 30, to: 110 });
  expect(boundsOf(around(atEnd, 5_000, 0), 5_000)).toEqual({ from: 0, to: 10 });
  expect(boundsOf(around(atEnd, 40, 5), 40)).toEqual({ from: 0, to: 15 });
});

test('what is drawn already stays as it is', () => {
  expect(around(atEnd, 5_000, 4_970)).toBe(atEnd);
  const found = around(atEnd, 5_000, 100);
  expect(around(found, 5_000, 109)).toBe(found);
  expect(withEnd(atEnd)).toBe(atEnd);
});

test('the end is reached step by step or at once, and not passed', () => {
  const near = around(atEnd, 60, 12);
  expect(near.below).toBe(38);
  expect(withLater(near)).toEqual({ count: 68, below: 0 });
  expect(boundsOf(withEnd(around(atEnd, 5_000, 100)), 5_000)).toEqual({ from: 4_970, to: 5_000 });
});

test('a version with fewer turns than are left out is drawn from its end', () => {
  const found = around(atEnd, 5_000, 100);
  expect(boundsOf(found, 12)).toEqual({ from: 0, to: 12 });
});
