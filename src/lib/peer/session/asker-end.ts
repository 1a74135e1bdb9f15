import type { ErrorRecord } from '#lib/base/errors.ts';
import { wireErrors, type WireErrorCode } from '#lib/protocol/errors.ts';
import type { JobEvent } from '../spec.ts';
import { costOf } from './asker-account.ts';
import { choose, tell } from './asker-begin.ts';
import type { AskerEffect, AskerState, AskerStep, BlameClaim, Current } from './asker-spec.ts';
import { expectNothing } from './asker-waits.ts';
import { isWayLost, type AttemptEnd } from './attempt-end.ts';
import { dropHedge } from './hedge.ts';
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

export const breach = (state: AskerState, at: number, message: string): AskerStep =>
  conclude(state, { type: 'lost', at, error: errorOf('bad-frame', message) }, 'bad-frame');

/**
 * Ends the attempt from this side: sends `cancel` to a worker that may be working, and cuts it off. Where the connection is
 * what failed, no `cancel` would arrive, and a worker that can be reached again still has the job.
 */
export function conclude(state: AskerState, attemptEnd: AttemptEnd, code: WireErrorCode): AskerStep {
  const { current, step } = state;
  const attempt = current?.attempt ?? state.attempt;
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

/** The second worker has spoken first: the present one is sent `cancel`, and nothing is held against it. */
export function outrun(state: AskerState, { attempt, job, worker }: Current, at: number): AskerStep {
  const [told, telling] = tell(state, { type: 'worker-outrun', at });
  return choose(told, at, [
    ...expectNothing,
    { type: 'remember-stopped', job, worker: worker.peer },
    { type: 'send', attempt, frame: { t: 'cancel', jobId: job.id } },
    { type: 'drop', attempt, code: 'cancelled' },
    { type: 'record', attempt, worker, end: { type: 'cancelled', at } },
    ...telling,
  ]);
}

/** Ends the attempt; what follows is the next worker or the end of the job. */
export function finish(before: AskerState, attemptEnd: AttemptEnd, closing: readonly AskerEffect[]): AskerStep {
  const { current } = before;
  const account = current?.account;
  const state = account ? { ...before, spent: before.spent + costOf(account) } : before;
  const attempt = current?.attempt ?? state.attempt;
  const { at } = attemptEnd;
  const isClaim = attemptEnd.type === 'refused' && attemptEnd.claim === 'request';
  const effects: readonly AskerEffect[] = [
    ...expectNothing,
    { type: 'disarm', timer: 'open' },
    { type: 'disarm', timer: 'settle' },
    ...closing,
    ...(account ? [endPayment(attempt, attemptEnd)] : []),
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

/** A worker that did not finish may know of its channel what is not known here. */
function endPayment(attempt: number, ended: AttemptEnd): AskerEffect {
  if (ended.type === 'finished' || ended.type === 'cancelled') return { type: 'end-payment', attempt };
  const isRefused = ended.error.code === 'payment-refused';
  return { type: 'end-payment', attempt, channel: isRefused ? 'refused' : 'doubted' };
}

export function end(state: AskerState, event: JobEvent, before: readonly AskerEffect[]): AskerStep {
  const [alone, dropped] = dropHedge(state, event.at);
  const [told, effects] = tell(alone, event);
  return [
    { ...told, step: 'over', current: undefined, claims: [] },
    [...before, ...dropped, ...judgeClaims(state.claims, event), ...effects, { type: 'end' }],
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
