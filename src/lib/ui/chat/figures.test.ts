import { expect, test } from 'vitest';
import { initialJob } from '#lib/peer/session/job-state.ts';
import { emptyOutput } from '#lib/protocol/output.ts';
import { isEmptyAnswer } from './figures.ts';

const finished = { ...initialJob, phase: 'finished' } as const;
const call = { id: '1', name: 'clock', arguments: '{}' };

test('D5: an answer without a word is said to be empty, also where the model only thought', () => {
  expect(isEmptyAnswer(finished)).toBe(true);
  expect(isEmptyAnswer({ ...finished, text: ' \n' })).toBe(true);
  expect(isEmptyAnswer({ ...finished, text: '<think>Hm.</think>\n' })).toBe(true);
  expect(isEmptyAnswer({ ...finished, output: { ...emptyOutput, reasoning: 'Hm.' } })).toBe(true);
});

test('D5: one that has a word, calls a tool, or has not ended, is not', () => {
  expect(isEmptyAnswer({ ...finished, text: 'No.' })).toBe(false);
  expect(isEmptyAnswer({ ...finished, output: { ...emptyOutput, toolCalls: [call] } })).toBe(false);
  for (const phase of ['streaming', 'failed', 'cancelled'] as const)
    expect(isEmptyAnswer({ ...initialJob, phase })).toBe(false);
});
