import type { ErrorRecord } from '#lib/base/errors.ts';
import { wireErrors, type WireErrorCode } from '#lib/protocol/errors.ts';
import type { JobEvent } from '../spec.ts';
import type { AskerEffect, AskerState, AskerStep, BlameClaim, Next } from './asker-spec.ts';
import { expectNothing } from './asker-waits.ts';
import { isWayLost, type AttemptEnd } from './attempt-end.ts';
import { isOver, reduceJob } from './job-state.ts';
import { continuationOf } from './progress.ts';

const none: readonly AskerEffect[] = [];

export const errorOf = (
  code: WireErrorCode,
  message: string = wireErrors[code].message,
  reason?: string,
): ErrorRecord => ({
  code,
  message,
  ...(reason === undefined ? {} : { details: { reason } }),
});

export function tell(state: AskerState, event: JobEvent): AskerStep {
  const job = reduceJob(state.job, event);
  // An event that is illegal now is not emitted.
  if (job === state.job && !isOver(job) && event.type !== 'part-received') return [state, none];
  return [{ ...state, job }, [{ type: 'tell', event }]];
}

export function nextOf({ job, ids, tried }: AskerState): Next {
  const goesOn = continuationOf(job, ids);
  return { tried, ...(goesOn.type === 'resume' ? { resume: goesOn.resume } : {}) };
}

export function choose(state: AskerState, at: number, before: readonly AskerEffect[]): AskerStep {
  const attempt = state.attempt + 1;
  const [told, effects] = tell(
    { ...state, step: 'choosing', current: undefined },
    { type: 'job-routing', at, attempt },
  );
  return [told, [...before, ...effects, { type: 'choose', attempt, errors: state.errors, ...nextOf(state) }]];
}

export const breach = (state: AskerState, at: number, message: string): AskerStep =>
  conclude(state, { type: 'lost', at, error: errorOf('bad-frame', message) }, 'bad-frame');

/**
 * Ends the attempt from this side: sends `cancel` to a worker that may be working, and cuts it off. Where the connection is
 * what failed, no `cancel` would arrive, and a worker that can be reached again still has the job.
 */
export function conclude(state: AskerState, attemptEnd: AttemptEnd, code: WireErrorCode): AskerStep {
  const { current, attempt, step } = state;
  const isCutOff = attemptEnd.type === 'lost' && isWayLost(attemptEnd.error);
  const stopped: readonly AskerEffect[] =
    current && !isCutOff && (step === 'open' || step === 'settling')
      ? [
          { type: 'remember-stopped', job: current.job, worker: current.worker.peer },
          { type: 'send', attempt, frame: { t: 'cancel', jobId: current.job.id } },
        ]
      : none;
  return finish(state, attemptEnd, [...stopped, { type: 'drop', attempt, code }]);
}

/** Ends the attempt; what follows is the next worker or the end of the job. */
export function finish(state: AskerState, attemptEnd: AttemptEnd, closing: readonly AskerEffect[]): AskerStep {
  const { current, attempt } = state;
  const { at } = attemptEnd;
  const isClaim = attemptEnd.type === 'refused' && attemptEnd.claim === 'request';
  const effects: readonly AskerEffect[] = [
    ...expectNothing,
    { type: 'disarm', timer: 'open' },
    { type: 'disarm', timer: 'settle' },
    ...closing,
    ...(current && !isClaim ? [{ type: 'record', attempt, worker: current.worker, end: attemptEnd } as const] : []),
  ];
  switch (attemptEnd.type) {
    case 'finished':
      return end(
        state,
        { type: 'job-finished', at, reason: attemptEnd.frame.reason, ...attemptEnd.settlement },
        effects,
      );
    case 'cancelled':
      return end(state, { type: 'job-cancelled', at, settlement: attemptEnd.settlement }, effects);
    case 'failed':
      return end(state, { type: 'job-failed', at, error: attemptEnd.error, rejections: [] }, effects);
    case 'refused':
    case 'lost': {
      const { error } = attemptEnd;
      if (state.isStopping) return end(state, { type: 'job-cancelled', at }, effects);
      const claims =
        isClaim && current ? [...state.claims, { attempt, worker: current.worker, end: attemptEnd }] : state.claims;
      const type = attemptEnd.type === 'refused' ? 'worker-refused' : 'worker-lost';
      const [told, telling] = tell({ ...state, errors: [...state.errors, error], claims }, { type, at, error });
      const before = [...effects, ...telling];
      if (continuationOf(told.job, told.ids).type !== 'unsupported') return choose(told, at, before);
      const unsupported = { ...errorOf('resume-unsupported'), details: { lost: error.code } };
      return end(told, { type: 'job-failed', at, error: unsupported, rejections: [] }, before);
    }
  }
}

export function end(state: AskerState, event: JobEvent, before: readonly AskerEffect[]): AskerStep {
  const [told, effects] = tell(state, event);
  return [
    { ...told, step: 'over', current: undefined, claims: [] },
    [...before, ...judgeClaims(state.claims, event), ...effects, { type: 'end' }],
  ];
}

/** If a worker has done what others called impossible, that was their failure, and a broken promise; else there is none. */
const judgeClaims = (claims: readonly BlameClaim[], event: JobEvent): readonly AskerEffect[] =>
  claims.map(({ attempt, worker, end: claimed }) => ({
    type: 'record',
    attempt,
    worker,
    end:
      event.type === 'job-finished' && claimed.type === 'refused'
        ? { type: 'lost', at: claimed.at, error: claimed.error }
        : claimed,
  }));
