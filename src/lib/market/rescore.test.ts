import { expect, test } from 'vitest';
import { judgeScores, type Scored } from './rescore.ts';

const likeliest: Scored = { logprob: -0.5, best: -0.5 };
const tie: Scored = { logprob: -0.8, best: -0.7 };
const sampled: Scored = { logprob: -4, best: -0.5 };
const strange: Scored = { logprob: -12, best: -0.1 };
const answer = (...parts: readonly (readonly [number, Scored])[]) =>
  parts.flatMap(([count, one]) => Array.from({ length: count }, () => one));

test('the model’s own answer passes, near ties and one odd token in fifty included', () => {
  expect(judgeScores(answer([64, likeliest]), 0)).toBe('passed');
  expect(judgeScores(answer([50, likeliest], [13, tie], [1, strange]), 0)).toBe('passed');
  expect(judgeScores(answer([40, likeliest], [24, sampled]), 0.8)).toBe('passed');
});

test('what the model would not say fails, after three tokens where it fits nowhere', () => {
  expect(judgeScores(answer([3, strange]), 0)).toBe('failed');
  expect(judgeScores(answer([56, likeliest], [8, strange]), 0)).toBe('failed');
  expect(judgeScores(answer([40, likeliest], [24, strange]), 1)).toBe('failed');
  // Sampling explains what the likeliest token does not.
  expect(judgeScores(answer([40, likeliest], [24, sampled]), 0)).toBe('failed');
});

test('too little to tell is neither', () => {
  expect(judgeScores([], 0)).toBe('undecided');
  expect(judgeScores(answer([7, likeliest]), 0)).toBe('undecided');
  expect(judgeScores(answer([1, strange]), 0)).toBe('undecided');
  expect(judgeScores(answer([60, likeliest], [4, strange]), 0)).toBe('undecided');
});
