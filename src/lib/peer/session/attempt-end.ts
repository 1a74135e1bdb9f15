import type { ErrorRecord } from '#lib/base/errors.ts';
import { isWireErrorCode, wireErrors, type WireErrorCode } from '#lib/protocol/errors.ts';
import type { WorkerFrame } from '#lib/protocol/frame.ts';
import type { Settlement } from '../spec.ts';

/** How an attempt ended; everything that had to be told on the way has been told as events. */
export type AttemptEnd = { readonly at: number } & (
  | { readonly type: 'finished'; readonly frame: FinishFrame; readonly settlement: Settlement }
  | { readonly type: 'cancelled'; readonly settlement?: Settlement | undefined }
  /**
   * It does not do it, another may. `request`: it says that the request is at fault, which stands until somebody else does
   * the job.
   */
  | { readonly type: 'refused'; readonly error: ErrorRecord; readonly claim: 'none' | 'request' }
  /** The worker's fault or the way's; another may do it. */
  | { readonly type: 'lost'; readonly error: ErrorRecord }
  /** The request's own fault, or its time is up: no other worker helps. */
  | { readonly type: 'failed'; readonly error: ErrorRecord }
);

export type FinishFrame = Extract<WorkerFrame, { t: 'finish' }>;
type RefusedFrame = Extract<WorkerFrame, { t: 'refused' }>;
type ErrorFrame = Extract<WorkerFrame, { t: 'error' }>;

export const refusedEnd = (frame: RefusedFrame, at: number): AttemptEnd => ({
  type: 'refused',
  at,
  error: inOurWords(frame),
  claim: 'none',
});

export interface ErrorContext {
  readonly at: number;
  /** A part of the text has been read. */
  readonly begun: boolean;
  /** Other workers have answered a part of it before. */
  readonly resumed: boolean;
  /** The job's time is up by the asker's own clock. */
  readonly late: boolean;
}

/**
 * What a worker's `error` is taken for. One worker's word ends no job: what it says against the request makes the asker
 * try the next one, and only what all of them say is reported; its deadline counts when it is the asker's too; and a
 * request that was answered in part cannot be at fault.
 */
export function errorEnd(frame: ErrorFrame, { at, begun, resumed, late }: ErrorContext): AttemptEnd {
  const error = inOurWords(frame);
  if (error.code === 'deadline' && late) return { type: 'failed', at, error };
  const never = wireErrors[error.code].retry === 'never';
  // A backend behind it had no room after all: nobody's failure, as long as nothing was begun.
  if (error.code === 'busy' && !begun) return { type: 'refused', at, error, claim: 'none' };
  // Nothing that it could have known before it was asked, and nothing against the request, part of which was answered.
  if (resumed && !begun && (never || error.code === 'resume-unsupported')) {
    return { type: 'refused', at, error, claim: 'none' };
  }
  // Only the engine knows how long a prompt is, or what a grammar cannot hold: an honest worker finds out late.
  if (never && !begun) return { type: 'refused', at, error, claim: 'request' };
  if (never || error.code === 'deadline') {
    const failed = { ...error, code: 'peer-failed', message: wireErrors['peer-failed'].message };
    return { type: 'lost', at, error: failed };
  }
  return { type: 'lost', at, error };
}

/**
 * A peer's failure under a code and in a sentence of ours. What it said itself is kept in the details, where nothing shows
 * it to a person as if it came from this program.
 */
function inOurWords({ code, message, ...rest }: RefusedFrame | ErrorFrame): ErrorRecord & { code: WireErrorCode } {
  const retryAfterMs = 'retryAfterMs' in rest ? rest.retryAfterMs : undefined;
  const details = { saidCode: code, said: message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  return isWireErrorCode(code)
    ? { code, message: wireErrors[code].message, details }
    : { code: 'internal', message: 'The peer failed for a reason unknown to this version. Try again.', details };
}
