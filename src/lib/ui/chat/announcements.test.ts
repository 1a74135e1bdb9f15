import { expect, test } from 'vitest';
import { initialJob, type JobState } from '#lib/peer/session/job-state.ts';
import { announceNext, nothingAnnounced } from './announcements.ts';

const turn = (answer: Partial<JobState>, change: { readonly id?: string; readonly live?: boolean } = {}) => ({
  id: 'a',
  live: true,
  ...change,
  answer: { ...initialJob, phase: 'streaming', ...answer } as JobState,
});

/** The announcements for a sequence of turn states. */
function announcements(...turns: readonly ReturnType<typeof turn>[]): readonly string[] {
  let announced = nothingAnnounced;
  return turns.map((seen) => {
    const next = announceNext(announced, seen);
    announced = next.announced;
    return next.say;
  });
}

test('an answer is announced sentence by sentence, and its end once', () => {
  const ended = turn({ text: 'One. Two. Three', phase: 'finished' });
  expect(
    announcements(turn({ text: 'One. Tw' }), turn({ text: 'One. Two. Th' }), ended, { ...ended, live: false }),
  ).toEqual(['One.', 'Two.', 'Three', '']);
});

test('a stopped answer is announced in full before the note that it was stopped', () => {
  expect(announcements(turn({ text: 'One. Tw' }), turn({ text: 'One. Tw', phase: 'cancelled' }))).toEqual([
    'One.',
    'Tw Stopped.',
  ]);
});

test('turns from the history are not announced; a retry is, from its start', () => {
  const kept = turn({ text: 'One. Two.', phase: 'finished' }, { live: false });
  expect(announcements(kept, turn({ text: '' }), turn({ text: 'One. Tw' }))).toEqual(['', '', 'One.']);
});

test('D2: reasoning is not announced', () => {
  expect(announcements(turn({ text: '<think>Hm. Well.' }), turn({ text: '<think>Hm. Well.</think>Yes. N' }))).toEqual([
    '',
    'Yes.',
  ]);
});
