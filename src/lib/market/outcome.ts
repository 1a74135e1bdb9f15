import { wireErrors } from '#lib/protocol/errors.ts';
import type { JobObservation } from './history.ts';

/** How an attempt at one worker ended, as its session saw it. */
export type AttemptEnding =
  | {
      readonly type: 'finished';
      /** Every check of its receipt held. */
      readonly receipt: 'holds' | 'false';
      /** Something of content came. */
      readonly answer: 'some' | 'empty';
      readonly seen: JobObservation;
    }
  /** The worker said no, before it had taken the job or after. */
  | { readonly type: 'refused'; readonly code: string; readonly after: 'asking' | 'accepted' }
  /** Gone, or silent for longer than it may be. */
  | { readonly type: 'lost' }
  /** It broke the protocol: a frame out of turn, malformed or too large, more than was asked for. */
  | { readonly type: 'breach' }
  /** The asker's own doing: its deadline, its cancel, a request that fits no frame, no network here. */
  | { readonly type: 'given-up' };

export interface OutcomeContext {
  /** The longest the asker's own event loop was late while it waited: what was not read in time may have come in time. */
  readonly latenessMs: number;
  /** Another worker has said the same of this request, or the asker's own check did. */
  readonly agreed: boolean;
  /** The worker has standing here: `hasStanding` of its history. */
  readonly standing: boolean;
}

/** What the attempt says about the worker, for its track record. */
export type Outcome =
  | { readonly type: 'finished'; readonly seen: JobObservation }
  /** An answer that is no failure: another is asked first for a while. */
  | { readonly type: 'refused' }
  | { readonly type: 'failed'; readonly why: 'lost' | 'breach' | 'broken-promise' | 'empty-answer' | 'false-receipt' }
  /** Nobody's fault, or the asker's. */
  | { readonly type: 'unjudged' };

/** Own lateness from which silence is held against nobody. */
export const latenessMaxMs = 1_000;

/** Said after the job was accepted, these are news that the worker could not have had before: a full backend, its count of the prompt. */
const foundOutLater: ReadonlySet<string> = new Set(['busy', 'too-long']);

/**
 * Who is to blame. A promise that was broken is a failure; an answer is none, nor is what the asker did itself. What a worker
 * says against the request is believed where another worker or the asker's own check agrees, and of a worker with standing.
 */
export function outcomeOf(ending: AttemptEnding, { latenessMs, agreed, standing }: OutcomeContext): Outcome {
  switch (ending.type) {
    case 'finished':
      if (ending.receipt === 'false') return { type: 'failed', why: 'false-receipt' };
      return ending.answer === 'empty'
        ? { type: 'failed', why: 'empty-answer' }
        : { type: 'finished', seen: ending.seen };
    case 'refused':
      return isAnswer(ending, agreed || standing) ? { type: 'refused' } : { type: 'failed', why: 'broken-promise' };
    case 'lost':
      return latenessMs >= latenessMaxMs ? { type: 'unjudged' } : { type: 'failed', why: 'lost' };
    case 'breach':
      return { type: 'failed', why: 'breach' };
    case 'given-up':
      return { type: 'unjudged' };
  }
}

function isAnswer({ code, after }: Extract<AttemptEnding, { type: 'refused' }>, isBelieved: boolean): boolean {
  if (after === 'asking' || foundOutLater.has(code)) return true;
  return isBelieved && blamesRequest(code);
}

/** Codes that say that the request itself must change. */
const blamesRequest = (code: string): boolean =>
  Object.hasOwn(wireErrors, code) && wireErrors[code as keyof typeof wireErrors].retry === 'never';
