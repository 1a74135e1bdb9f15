import type { PeerId } from '#lib/protocol/ids.ts';

/**
 * Keeps jobs away from a worker that keeps failing: three failures in 60 s park it for 15 s, then one probe is let
 * through; it opens the way again or parks the worker anew. A refusal is an answer, not a failure.
 * A pure reducer for one peer, and a bounded set of them.
 */
export type BreakerState =
  | { readonly type: 'closed'; readonly failedAt: readonly number[] }
  | { readonly type: 'parked'; readonly until: number }
  /** The probe is under way; it counts as lost at `until`, so that a forgotten probe cannot park a worker for ever. */
  | { readonly type: 'probing'; readonly until: number };

export type BreakerEvent = 'chosen' | 'finished' | 'refused' | 'failed';

export const breakerLimits = {
  failuresMax: 3,
  windowMs: 60_000,
  parkMs: 15_000,
  probeMs: 60_000,
  peersMax: 4_096,
} as const;

export const closedBreaker: BreakerState = { type: 'closed', failedAt: [] };

export function reduceBreaker(state: BreakerState, event: BreakerEvent, now: number): BreakerState {
  if (event === 'finished') return closedBreaker;
  if (event === 'refused') return state.type === 'probing' ? closedBreaker : state;
  if (event === 'chosen') {
    return isParked(state, now) || state.type === 'closed'
      ? state
      : { type: 'probing', until: now + breakerLimits.probeMs };
  }
  if (state.type !== 'closed') return { type: 'parked', until: now + breakerLimits.parkMs };
  const failedAt = [...state.failedAt.filter((at) => at > now - breakerLimits.windowMs), now];
  return failedAt.length < breakerLimits.failuresMax
    ? { type: 'closed', failedAt }
    : { type: 'parked', until: now + breakerLimits.parkMs };
}

export const isParked = (state: BreakerState, now: number): boolean => state.type !== 'closed' && now < state.until;

/** The breakers of all peers an asker has met. */
export interface Breakers {
  isParked(peer: PeerId, now: number): boolean;
  /** `chosen` when a job is sent, then how it ended; `refused` also where the asker itself cancelled. */
  record(peer: PeerId, event: BreakerEvent, now: number): void;
}

export function createBreakers(): Breakers {
  const states = new Map<PeerId, BreakerState>();
  return {
    isParked: (peer, now) => isParked(states.get(peer) ?? closedBreaker, now),
    record(peer, event, now) {
      const next = reduceBreaker(states.get(peer) ?? closedBreaker, event, now);
      states.delete(peer);
      if (next.type === 'closed' && next.failedAt.length === 0) return;
      states.set(peer, next);
      const oldest = states.keys().next().value;
      if (states.size > breakerLimits.peersMax && oldest !== undefined) states.delete(oldest);
    },
  };
}
