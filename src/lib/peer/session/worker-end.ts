import type { ErrorRecord } from '#lib/base/errors.ts';
import { isWireErrorCode, wireErrors } from '#lib/protocol/errors.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { Ending } from './frame-log.ts';
import type { RunResult, WorkerEffect, WorkerState, WorkerStep, WorkOutcome } from './worker-spec.ts';

const none: readonly WorkerEffect[] = [];
const nothingDone: RunResult = {
  reason: 'cancelled',
  usage: { tokensIn: 0, tokensOut: 0 },
  timings: { ttftMs: 0, decodeMs: 0 },
};

/** Ends a job that has no slot yet: with a receipt for nothing if its asker stopped it, else with a refusal. */
export function stop(state: WorkerState, error: ErrorRecord): WorkerStep {
  switch (state.phase) {
    case 'running':
      if (state.stopped) return [state, none];
      return [{ ...state, stopped: error }, [{ type: 'stop-engine', error }]];
    case 'collecting':
      return stopCollecting(state, error, state.result!);
    case 'new':
    case 'files':
    case 'admitting':
    case 'queued':
    case 'input':
      if (state.phase === 'input' && error.code !== 'peer-lost' && error.code !== 'cancelled')
        return sign({ ...state, stopped: error }, { ...nothingDone, reason: 'unpaid' });
      if (error.code === 'cancelled' || state.phase === 'input') return sign({ ...state, stopped: error }, nothingDone);
      return end({ ...state, stopped: error }, failureFrame(error.code === 'deadline' ? 'error' : 'refused', error), {
        type: 'never-begun',
      });
    case 'signing':
    case 'over':
      return [state, none];
  }
}

/** The answer is complete, and only its last payment is out. A person who has stopped is not kept waiting for it. */
function stopCollecting(state: WorkerState, error: ErrorRecord, result: RunResult): WorkerStep {
  if (error.code === 'cancelled') return [state, [{ type: 'arm', timer: 'unpaid', ms: limits.unpaidAfterCancelMs }]];
  return sign(state, result.reason === 'cancelled' ? result : { ...result, reason: 'unpaid' });
}

export const sign = (state: WorkerState, result: RunResult): WorkerStep => [
  { ...state, phase: 'signing' },
  [
    { type: 'disarm', timer: 'checkpoint' },
    ...(state.account ? [{ type: 'disarm', timer: 'unpaid' } as const] : []),
    { type: 'leave-queue' },
    { type: 'sign-receipt', result },
  ],
];

export const end = (state: WorkerState, ending: Ending, outcome: WorkOutcome): WorkerStep => [
  { ...state, phase: 'over', ending },
  [
    { type: 'disarm', timer: 'deadline' },
    { type: 'disarm', timer: 'files' },
    { type: 'disarm', timer: 'checkpoint' },
    { type: 'disarm', timer: 'unpaid' },
    { type: 'leave-queue' },
    { type: 'append', frame: ending },
    { type: 'report', outcome },
  ],
];

export function failureFrame(t: 'refused' | 'error', { code, message, details }: ErrorRecord): Ending {
  const wire = isWireErrorCode(code) ? code : 'internal';
  const retryAfterMs = details?.['retryAfterMs'];
  return {
    t,
    code: wire,
    message: code === wire ? message.slice(0, limits.errorMessageLengthMax) : wireErrors[wire].message,
    ...(typeof retryAfterMs === 'number'
      ? { retryAfterMs: Math.round(Math.min(limits.durationMsMax, Math.max(0, retryAfterMs))) }
      : {}),
  };
}

export const errorOf = (
  code: 'deadline' | 'peer-lost' | 'bad-frame',
  message: string = wireErrors[code].message,
): ErrorRecord => ({
  code,
  message,
});

export const unpaid: ErrorRecord = { code: 'unpaid', message: 'What was due was not paid in time.' };
export const spent: ErrorRecord = { code: 'budget', message: wireErrors.budget.message };

export const badFile = errorOf('bad-frame', 'The bytes are not those of the file that the job names.');
