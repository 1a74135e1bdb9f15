import { expect, test } from 'vitest';
import { initialJob, type JobState } from '#lib/peer/session/job-state.ts';
import { announceNext, nothingAnnounced } from './announcements.ts';

const turn = (answer: Partial<JobState>, change: { readonly id?: string; readonly live?: boolean } = {}) => ({
  id: 'a',
  live: true,
  ...change,
  answer: { ...initialJob, phase: 'streaming', ...answer } as JobState,
});

/** What is said while these turns are seen one after the other. */
function said(...turns: readonly ReturnType<typeof turn>[]): readonly string[] {
  let hearing = nothingAnnounced;
  return turns.map((seen) => {
    const next = announceNext(hearing, seen);
    hearing = next.hearing;
    return next.say;
  });
}

test('an answer is said by the sentence, and its end once', () => {
  const ended = turn({ text: 'One. Two. Three', phase: 'finished' });
  expect(said(turn({ text: 'One. Tw' }), turn({ text: 'One. Two. Th' }), ended, { ...ended, live: false })).toEqual([
    'One.',
    'Two.',
    'Three',
    '',
  ]);
});

test('one that is stopped is said to its end before it is said to be stopped', () => {
  expect(said(turn({ text: 'One. Tw' }), turn({ text: 'One. Tw', phase: 'cancelled' }))).toEqual([
    'One.',
    'Tw Stopped.',
  ]);
});

test('what comes from the history is not said; a retry is, from its beginning', () => {
  const kept = turn({ text: 'One. Two.', phase: 'finished' }, { live: false });
  expect(said(kept, turn({ text: '' }), turn({ text: 'One. Tw' }))).toEqual(['', '', 'One.']);
});

test('D2: thoughts are not read aloud', () => {
  expect(said(turn({ text: '<think>Hm. Well.' }), turn({ text: '<think>Hm. Well.</think>Yes. N' }))).toEqual([
    '',
    'Yes.',
  ]);
});
