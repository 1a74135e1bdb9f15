import type { ErrorRecord } from '#lib/base/errors.ts';
import { isWireErrorCode, wireErrors, type WireErrorCode } from '#lib/protocol/errors.ts';
import type { WorkerFrame } from '#lib/protocol/frame.ts';
import type { Settlement } from './spec.ts';

/** How an attempt ended; everything that had to be told on the way has been told as events. */
export type AttemptEnd =
  | { readonly type: 'finished'; readonly frame: FinishFrame; readonly settlement: Settlement }
  | { readonly type: 'cancelled'; readonly settlement?: Settlement | undefined }
  /** It does not do it, another may. `broken`: it had taken the job, so that this is a failure of its own. */
  | { readonly type: 'refused'; readonly error: ErrorRecord; readonly promise: 'none' | 'broken' }
  /** The worker's fault or the way's; another may do it. */
  | { readonly type: 'lost'; readonly error: ErrorRecord }
  /** The request's own fault, or its time is up: no other worker helps. */
  | { readonly type: 'failed'; readonly error: ErrorRecord };

export type FinishFrame = Extract<WorkerFrame, { t: 'finish' }>;
type RefusedFrame = Extract<WorkerFrame, { t: 'refused' }>;
type ErrorFrame = Extract<WorkerFrame, { t: 'error' }>;

export const refusedEnd = (frame: RefusedFrame): AttemptEnd => ({
  type: 'refused',
  error: inOurWords(frame),
  promise: 'none',
});

export interface ErrorContext {
  /** A part of the text has been read. */
  readonly begun: boolean;
  /** The job's time is up by the asker's own clock. */
  readonly late: boolean;
}

/**
 * What a worker's `error` is taken for. One worker's word ends no job: what it says against the request makes the asker
 * try the next one, and only what all of them say is reported; its deadline counts when it is the asker's too; and a
 * request that was answered in part cannot be at fault.
 */
export function errorEnd(frame: ErrorFrame, { begun, late }: ErrorContext): AttemptEnd {
  const error = inOurWords(frame);
  if (error.code === 'deadline' && late) return { type: 'failed', error };
  const never = wireErrors[error.code].retry === 'never';
  // Only the engine knows how long a prompt is, so that an honest worker finds out after it has taken the job.
  if (never && !begun) return { type: 'refused', error, promise: error.code === 'too-long' ? 'none' : 'broken' };
  if (never || error.code === 'deadline') {
    return { type: 'lost', error: { ...error, code: 'peer-failed', message: wireErrors['peer-failed'].says } };
  }
  return { type: 'lost', error };
}

/**
 * A peer's failure under a code and in a sentence of ours. What it said itself is kept in the details, where nothing shows
 * it to a person as if it came from this program.
 */
function inOurWords({ code, message, ...rest }: RefusedFrame | ErrorFrame): ErrorRecord & { code: WireErrorCode } {
  const retryAfterMs = 'retryAfterMs' in rest ? rest.retryAfterMs : undefined;
  const details = { saidCode: code, said: message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  return isWireErrorCode(code)
    ? { code, message: wireErrors[code].says, details }
    : { code: 'internal', message: 'The peer failed for a reason unknown to this version. Try again.', details };
}
