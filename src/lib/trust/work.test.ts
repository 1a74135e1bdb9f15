import { expect, test } from 'vitest';
import { artefactWeight, workOf, workTypical } from './work.ts';

test('a generated token counts ten prompt tokens, and larger models count more', () => {
  expect(workOf({ tokensIn: 7, tokensOut: 3 }, 1)).toBe(37);
  expect(workOf({ tokensIn: 7, tokensOut: 3 }, artefactWeight(7_615_616_512))).toBe(37 * 76);
  expect(workTypical).toBe((400 + 2_560) * 10);
});

test('a weight is an integer within bounds', () => {
  expect(artefactWeight(1_404_320)).toBe(1);
  expect(artefactWeight(361_821_120)).toBe(4);
  expect(artefactWeight(1e15)).toBe(1_000);
  expect(artefactWeight(undefined)).toBe(10);
  expect(artefactWeight(0)).toBe(10);
});

test('work is always a safe integer', () => {
  const most = Number.MAX_SAFE_INTEGER;
  expect(workOf({ tokensIn: most, tokensOut: most }, 1_000)).toBe(most);
  expect(workOf({ tokensIn: 0, tokensOut: 0 }, 1_000)).toBe(0);
});
