import type { ErrorRecord } from '#lib/base/errors.ts';
import { isWireErrorCode, wireErrors, type WireErrorCode } from '#lib/protocol/errors.ts';
import type { WorkerFrame } from '#lib/protocol/frame.ts';
import type { Settlement } from '../spec.ts';

/** How an attempt ended; everything that led to it has been emitted as events. */
export type AttemptEnd = { readonly at: number } & (
  | { readonly type: 'finished'; readonly frame: FinishFrame; readonly settlement: Settlement }
  | { readonly type: 'cancelled'; readonly settlement?: Settlement | undefined }
  /**
   * The worker does not take the job; another may. `request`: it claims that the request is at fault, which counts unless
   * another worker does the job.
   */
  | { readonly type: 'refused'; readonly error: ErrorRecord; readonly claim: 'none' | 'request' }
  /** The worker or the connection failed; another worker may do the job. */
  | { readonly type: 'lost'; readonly error: ErrorRecord }
  /** The request is at fault, or its time is up: no other worker would help. */
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
  /** Part of the answer has been received. */
  readonly begun: boolean;
  /** Earlier workers have delivered part of the answer. */
  readonly resumed: boolean;
  /** The job's time is up by the asker's own clock. */
  readonly late: boolean;
}

/**
 * How a worker's `error` is classified. No single worker's claim ends a job: a claim against the request makes the asker try
 * the next worker, and is reported only if all of them make it; a deadline counts only if it has passed for the asker too;
 * and a request that was answered in part cannot be at fault.
 */
export function errorEnd(frame: ErrorFrame, { at, begun, resumed, late }: ErrorContext): AttemptEnd {
  const error = inOurWords(frame);
  if (error.code === 'deadline' && late) return { type: 'failed', at, error };
  const never = wireErrors[error.code].retry === 'never';
  // The backend behind it had no room after all: not a failure, as long as nothing was begun.
  if (error.code === 'busy' && !begun) return { type: 'refused', at, error, claim: 'none' };
  // Something it could not know in advance, and not a fault of the request, part of which was answered.
  if (resumed && !begun && (never || error.code === 'resume-unsupported')) {
    return { type: 'refused', at, error, claim: 'none' };
  }
  // Only the engine can tell how long a prompt is, or what a grammar cannot express: an honest worker finds out late.
  if (never && !begun) return { type: 'refused', at, error, claim: 'request' };
  if (never || error.code === 'deadline') {
    const failed = { ...error, code: 'peer-failed', message: wireErrors['peer-failed'].message };
    return { type: 'lost', at, error: failed };
  }
  return { type: 'lost', at, error };
}

/**
 * A peer's failure under a code and with a message of our own. The peer's own message is kept in the details, where it is
 * never shown to a user as if it came from this program.
 */
function inOurWords({ code, message, ...rest }: RefusedFrame | ErrorFrame): ErrorRecord & { code: WireErrorCode } {
  const retryAfterMs = 'retryAfterMs' in rest ? rest.retryAfterMs : undefined;
  const details = { saidCode: code, said: message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  return isWireErrorCode(code)
    ? { code, message: wireErrors[code].message, details }
    : { code: 'internal', message: 'The peer failed for a reason unknown to this version. Try again.', details };
}

const waysLost: ReadonlySet<unknown> = new Set(['unreached', 'peer-unreachable', 'channel-lost', 'left']);

/** Whether it was the connection that failed: the worker may still be there, and its job may still be running. */
export const isWayLost = ({ code, details }: ErrorRecord): boolean =>
  code === 'peer-lost' && waysLost.has(details?.['reason']);
