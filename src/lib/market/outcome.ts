import { wireErrors } from '#lib/protocol/errors.ts';
import type { BrokenPromise, JobObservation } from './standing.ts';

/** How an attempt at one worker ended, as its session saw it. */
export type AttemptEnding =
  | {
      readonly type: 'finished';
      /** Every check of its receipt held. */
      readonly receipt: 'holds' | 'false';
      /** Something of content came. */
      readonly answer: 'some' | 'empty';
      /** `impossible`: more tokens than the bytes they stand for. */
      readonly counts: 'fit' | 'impossible';
      readonly seen: JobObservation;
    }
  /** The worker said no, before it had taken the job or after. */
  | { readonly type: 'refused'; readonly code: string; readonly after: 'asking' | 'accepted' }
  /** Gone, or silent for longer than it may be. */
  | { readonly type: 'lost' }
  /** It kept the job waiting for much longer than it had said. */
  | { readonly type: 'stalled' }
  /** It broke the protocol: a frame out of turn, malformed or too large, more than was asked for. */
  | { readonly type: 'breach' }
  /** The asker's own doing: its deadline, its cancel, a request that fits no frame, no network here. */
  | { readonly type: 'given-up' };

export interface OutcomeContext {
  /** The longest the asker's own event loop was late while it waited: what was not read in time may have come in time. */
  readonly latenessMs: number;
  /** Another worker has said the same of this request, or the asker's own check did. */
  readonly agreed: boolean;
  /** The worker has standing here: `hasStanding`. */
  readonly standing: boolean;
  /** This job has lost it before, and has only failed to reach it again: one failure, however often it is dialled. */
  readonly redialled: boolean;
  /** It was lost together with other jobs that were there, of which one counts already. */
  readonly sameOutage: boolean;
  /** Its offer spoke of a free slot, and this asker had no other job there: `busy` was not to be expected. */
  readonly offeredFree: boolean;
}

/** What the attempt says about the worker, for its standing. */
export type Outcome =
  | { readonly type: 'finished'; readonly seen: JobObservation }
  /** An answer that is no failure: another is asked first for a while. */
  | { readonly type: 'refused' }
  /** `sameOutage`: it shows the worker as gone, and the promise that was broken has been counted with another job. */
  | { readonly type: 'failed'; readonly promise: BrokenPromise; readonly sameOutage?: true }
  /** Nobody's fault, or the asker's. */
  | { readonly type: 'unjudged' };

/** Own lateness from which silence is held against nobody. */
export const latenessMaxMs = 1_000;

/** After the job was accepted, these are news that the worker could not have had before: a full backend, its count of the prompt. */
const foundOutLater: ReadonlySet<string> = new Set(['busy', 'too-long']);

const failed = (promise: BrokenPromise): Outcome => ({ type: 'failed', promise });

/**
 * Who is to blame. A promise that was broken is a failure; an answer is none, nor is what the asker did itself. What a worker
 * says against the request is believed where another worker or the asker's own check agrees, and of a worker with standing.
 */
export function outcomeOf(ending: AttemptEnding, context: OutcomeContext): Outcome {
  const { latenessMs, agreed, standing, redialled, sameOutage, offeredFree } = context;
  switch (ending.type) {
    case 'finished':
      if (ending.receipt === 'false') return failed('false-receipt');
      if (ending.answer === 'empty') return failed('empty-answer');
      return ending.counts === 'fit' ? { type: 'finished', seen: ending.seen } : failed('impossible-counts');
    case 'refused':
      if (ending.code === 'busy' && ending.after === 'asking' && offeredFree) return failed('no-slot');
      return isAnswer(ending, agreed || standing) ? { type: 'refused' } : failed('error-after-accepting');
    case 'lost':
      if (redialled || latenessMs >= latenessMaxMs) return { type: 'unjudged' };
      return sameOutage ? { type: 'failed', promise: 'lost', sameOutage } : failed('lost');
    case 'stalled':
      return failed('stalled-queue');
    case 'breach':
      return failed('breach');
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

/** Tokens that a worker may count beside the text: begin and end of turn, a few that show as nothing. */
const silentTokens = 16;

/**
 * Whether an answer of so many bytes can be so many tokens: each stands for at least one byte, but for the few that a
 * template adds and those a reader is not shown.
 */
export const countsFit = (tokens: number, bytes: number): boolean => tokens <= bytes + silentTokens;
