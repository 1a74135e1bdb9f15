import { expect, test } from 'vitest';
import { formatBytes, formatParameters } from './sizes.ts';

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
