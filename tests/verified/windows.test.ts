import { expect, test } from 'vitest';
import { calibrate, detection, failedShare, resampledFailures, wilson, windows } from './windows.ts';
import type { AuditedAnswer } from './workers.ts';

/** Ten tokens, of which every nth is strange. */
const answers = (count: number, every: number): readonly AuditedAnswer[] =>
  Array.from({ length: count }, (_, answer) => ({
    question: String(answer),
    ids: Array.from({ length: 10 }, (_id, at) => at),
    ending: 'length',
    scores: Array.from({ length: 10 }, (_score, at) => ({ logprob: (at + 1) % every === 0 ? -5 : 0, best: 0 })),
  }));
const rule = { manner: { type: 'greedy' } } as const;

test('Wilson’s interval', () => {
  expect(wilson(0, 100)).toMatchObject({ low: 0, high: expect.closeTo(0.037, 3) });
  expect(wilson(5, 10)).toMatchObject({ low: expect.closeTo(0.237, 3), high: expect.closeTo(0.763, 3) });
  expect(wilson(0, 0)).toMatchObject({ low: 0, high: 1 });
});

test('audits share no answer, and have the tokens that are asked for', () => {
  const found = windows(answers(20, 99), 64, 1);
  expect(found.map((one) => one.length)).toEqual([7, 7]);
  expect(new Set(found.flat().map(({ question }) => question)).size).toBe(14);
});

test('what is strange is found, and what is not is not', () => {
  expect(detection(answers(20, 2), rule).median).toBe(10);
  expect(detection(answers(20, 99), rule)).toEqual({ median: Infinity, low: Infinity, high: Infinity });
  expect(failedShare(answers(20, 2), 64, rule)).toMatchObject({ count: 2, of: 2 });
  expect(resampledFailures(answers(20, 99), 64, 50, rule)).toBe(0);
  expect(calibrate(answers(5, 10))).toMatchObject({ tokens: 50, mean: 0.4, max: 4 });
});
