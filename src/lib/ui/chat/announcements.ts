import { m } from '#messages';
import { isOver, type JobState } from '#lib/state/answer.ts';
import { workerText } from '../worker-text.ts';
import { nextSentences } from './sentences.ts';
import { splitThoughts } from './thoughts.ts';

/** How far a screen reader has been told of an answer. */
export interface Announced {
  readonly turn: string | undefined;
  /** Characters of the answer that were said. */
  readonly upTo: number;
  readonly quiet: boolean;
}

export const nothingAnnounced: Announced = { turn: undefined, upTo: 0, quiet: true };

/** What is to be said now of a turn that is coming in, or came last. */
export function announceNext(
  before: Announced,
  turn: { readonly id: string; readonly live: boolean; readonly answer: JobState },
): { readonly hearing: Announced; readonly say: string } {
  const { id, live, answer } = turn;
  const text = splitThoughts(answer.text).answer;
  const known = before.turn === id;
  // What is opened from the history has been heard already.
  if (!live && (!known || before.quiet)) return { hearing: { turn: id, upTo: 0, quiet: true }, say: '' };
  // A retry begins with nothing again.
  const from = known && text.length >= before.upTo ? before.upTo : 0;
  const over = isOver(answer);
  const { say, upTo } = nextSentences(text, from, over ? 'done' : 'growing');
  const words = [
    say !== '' && from === 0 && answer.worker ? `${workerText(answer.worker)}:` : '',
    say,
    answer.phase === 'cancelled' ? m.answer_stopped() : '',
  ];
  return { hearing: { turn: id, upTo, quiet: over }, say: words.filter(Boolean).join(' ') };
}
