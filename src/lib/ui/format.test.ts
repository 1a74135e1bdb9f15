import { useTexts } from '#language';
import { m } from '#messages';
import { expect, test } from 'vitest';
import { formatDuration, formatRate, joinFacts } from './format.ts';

test('rates: unknown is a dash, never NaN', () => {
  expect([undefined, Number.NaN, Number.POSITIVE_INFINITY, 4.26, 312.4].map(formatRate)).toEqual([
    '–',
    '–',
    '–',
    '4.3',
    '312',
  ]);
});

test('durations', () => {
  expect([12.4, 1_500, 42_000, 61_000, 3_725_000].map(formatDuration)).toEqual([
    '12 ms',
    '1.5 s',
    '42 s',
    '1 min 01 s',
    '1 h 02 min',
  ]);
});

test('counted nouns', () => {
  expect([1, 0, 1_200].map((count) => m.peers({ count }))).toEqual(['1 peer', '0 peers', '1,200 peers']);
});

test('facts in a row: in Arabic a number is not drawn to the Latin name before it', () => {
  const facts = ['tabloom-demo', '154 tokens/s'];
  expect(joinFacts(facts)).toBe('tabloom-demo · 154 tokens/s');
  useTexts('ar', {});
  try {
    expect(joinFacts(facts)).toBe('tabloom-demo ·\u200f 154 tokens/s');
  } finally {
    useTexts('en', {});
  }
});
