import { useTexts } from '#language';
import { afterEach, expect, test } from 'vitest';
import { formatBytes, formatParameters } from './sizes.ts';

afterEach(() => useTexts('en', {}));

test('the unit follows the number in every language, with its decimal mark', () => {
  useTexts('de', {});
  expect(formatBytes(2_140_000)).toBe('2,1 MB');
  useTexts('ar', {});
  expect(formatBytes(2_140_000)).toBe('\u20662.1 MB\u2069');
});

test('bytes in decimal units with at most one decimal', () => {
  expect([0, 999, 1_000, 2_140_000, 999_999, 1_500_000_000, -5].map(formatBytes)).toEqual([
    '0 B',
    '999 B',
    '1 kB',
    '2.1 MB',
    '1 MB',
    '1.5 GB',
    '0 B',
  ]);
});

test('parameters', () => {
  expect([900_000, 1_500_000, 270e6, 1.24e9].map(formatParameters)).toEqual(['900K', '1.5M', '270M', '1.24B']);
});
