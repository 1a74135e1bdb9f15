import { limits } from '#lib/protocol/limits.ts';
import type { JobEvent } from '../spec.ts';
import type { AskerEffect, AskerState, AskerStep, ChosenWorker, Current, Next } from './asker-spec.ts';
import { openAskerAccount } from './asker-account.ts';
import { openTimeoutMs } from './asker-waits.ts';
import { isOver, reduceJob } from './job-state.ts';
import { continuationOf } from './progress.ts';

const none: readonly AskerEffect[] = [];

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

/** Where a second worker has been asked already, it is the next one. */
export function choose(state: AskerState, at: number, before: readonly AskerEffect[]): AskerStep {
  if (state.hedge) return [{ ...state, step: 'choosing', current: undefined }, before];
  const attempt = state.attempt + 1;
  const [told, effects] = tell(
    { ...state, step: 'choosing', current: undefined },
    { type: 'job-routing', at, attempt },
  );
  return [told, [...before, ...effects, { type: 'choose', attempt, errors: state.errors, ...nextOf(state) }]];
}

export function beginAttempt(state: AskerState, event: ChosenWorker): AskerStep {
  const { job, worker } = event;
  const attempt = state.attempt + 1;
  const [begun, effects] = begin({ ...state, attempt }, attempt, event);
  return [{ ...begun, tried: [...state.tried, worker.peer] }, [...effects, { type: 'open', attempt, job, worker }]];
}

/** The state of a worker that has just been chosen; its channel is opened by who calls. */
export function begin(state: AskerState, attempt: number, event: ChosenWorker): AskerStep {
  const { at, job, worker, firstPartTimeoutMs, stallTimeoutMs, hedgeAfterMs } = event;
  const { doubt, parts, dataBytesMax, wasStopped, terms } = event;
  const [told, effects] = tell(state, { type: 'worker-chosen', at, job, worker });
  const current: Current = {
    attempt,
    job,
    worker,
    firstPartTimeoutMs: Math.min(firstPartTimeoutMs, limits.phaseTimeoutMsMax),
    stallTimeoutMs: Math.min(stallTimeoutMs, limits.phaseTimeoutMsMax),
    hedgeAfterMs,
    doubt,
    parts,
    dataBytesMax,
    wasStopped,
    account: terms && openAskerAccount(terms),
    acceptedFrames: 0,
    checkpoints: 0,
    tokens: 0,
    dataBytes: 0,
    unknownFrames: 0,
    hasSlot: false,
    hasSpoken: false,
    spokeAt: at,
    isExcused: false,
  };
  return [
    { ...told, step: 'opening', current, shown: [...state.shown, attempt] },
    [...effects, { type: 'arm', timer: 'open', ms: openTimeoutMs }],
  ];
}
