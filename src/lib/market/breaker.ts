/**
 * Keeps jobs away from a worker that keeps failing: three failures in 60 s park it for 15 s, then one probe is let
 * through; it opens the way again or parks the worker anew. A refusal is an answer and no failure: others are asked first
 * for half a second, twice as long for each refusal more without a finished job between them. Whoever is parked or rests is
 * asked last, and never not at all.
 * A pure reducer for one worker of one model, and a bounded set of them.
 */
export type BreakerState =
  | {
      readonly type: 'closed';
      readonly failedAt: readonly number[];
      /** Refusals in a row, and until when others come first. */
      readonly refusals: number;
      readonly restsUntil: number;
    }
  | { readonly type: 'parked'; readonly until: number }
  /** The probe is under way; it counts as lost at `until`, so that a forgotten probe cannot park a worker for ever. */
  | { readonly type: 'probing'; readonly until: number };

export type BreakerEvent = 'chosen' | 'finished' | 'refused' | 'failed' | 'unjudged';

export const breakerLimits = {
  failuresMax: 3,
  windowMs: 60_000,
  parkMs: 15_000,
  probeMs: 60_000,
  restMs: 500,
  restMsMax: 15_000,
  keptMax: 4_096,
} as const;

const { failuresMax, windowMs, parkMs, probeMs, restMs, restMsMax, keptMax } = breakerLimits;

export const closedBreaker: BreakerState = { type: 'closed', failedAt: [], refusals: 0, restsUntil: 0 };

export function reduceBreaker(state: BreakerState, event: BreakerEvent, now: number): BreakerState {
  switch (event) {
    case 'finished':
      return closedBreaker;
    case 'unjudged':
      return state.type === 'probing' ? closedBreaker : state;
    case 'chosen':
      return state.type === 'closed' || isParked(state, now) ? state : { type: 'probing', until: now + probeMs };
    case 'refused':
      // Asked although it was parked, since there was no other: its time runs on.
      return state.type === 'parked' ? state : rested(state, now);
    case 'failed': {
      if (state.type !== 'closed') return { type: 'parked', until: now + parkMs };
      const failedAt = [...state.failedAt.filter((at) => at > now - windowMs), now];
      return failedAt.length < failuresMax ? { ...state, failedAt } : { type: 'parked', until: now + parkMs };
    }
  }
}

function rested(state: BreakerState, now: number): BreakerState {
  const { failedAt, refusals } = state.type === 'closed' ? state : { failedAt: [], refusals: 0 };
  const forMs = Math.min(restMsMax, restMs * 2 ** Math.min(refusals, 16));
  return { type: 'closed', failedAt, refusals: refusals + 1, restsUntil: now + forMs };
}

/** Others come first. */
export const isParked = (state: BreakerState, now: number): boolean =>
  now < (state.type === 'closed' ? state.restsUntil : state.until);

/** The breakers of all that an asker has met, by whatever names them. */
export interface Breakers {
  isParked(worker: string, now: number): boolean;
  /** `chosen` when a job is sent, then how it ended. */
  record(worker: string, event: BreakerEvent, now: number): void;
}

export function createBreakers(): Breakers {
  const states = new Map<string, BreakerState>();
  return {
    isParked: (worker, now) => isParked(states.get(worker) ?? closedBreaker, now),
    record(worker, event, now) {
      const next = reduceBreaker(states.get(worker) ?? closedBreaker, event, now);
      states.delete(worker);
      if (next === closedBreaker) return;
      states.set(worker, next);
      const oldest = states.keys().next().value;
      if (states.size > keptMax && oldest !== undefined) states.delete(oldest);
    },
  };
}
