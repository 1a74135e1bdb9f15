import { m } from '#messages';
import { isOver, type JobState } from '#lib/state/answer.ts';
import { workerText } from '../worker-text.ts';
import { nextSentences } from './sentences.ts';
import { splitThoughts } from '#lib/state/thoughts.ts';

/** How much of an answer has been announced to screen readers. */
export interface Announced {
  readonly turn: string | undefined;
  /** Characters of the answer announced so far. */
  readonly upTo: number;
  readonly quiet: boolean;
}

export const nothingAnnounced: Announced = { turn: undefined, upTo: 0, quiet: true };

/** What to announce now for the current or last turn. */
export function announceNext(
  before: Announced,
  turn: { readonly id: string; readonly live: boolean; readonly answer: JobState },
): { readonly announced: Announced; readonly say: string } {
  const { id, live, answer } = turn;
  const text = splitThoughts(answer.text).answer;
  const known = before.turn === id;
  // Turns opened from the history are not announced.
  if (!live && (!known || before.quiet)) return { announced: { turn: id, upTo: 0, quiet: true }, say: '' };
  // A retry starts over.
  const from = known && text.length >= before.upTo ? before.upTo : 0;
  const over = isOver(answer);
  const { say, upTo } = nextSentences(text, from, over ? 'done' : 'growing');
  const words = [
    say !== '' && from === 0 && answer.worker ? `${workerText(answer.worker)}:` : '',
    say,
    answer.phase === 'cancelled' ? m.answer_stopped() : '',
  ];
  return { announced: { turn: id, upTo, quiet: over }, say: words.filter(Boolean).join(' ') };
}
