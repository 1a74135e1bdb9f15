import { targetOf } from './paths.ts';

/**
 * Which relays of a list to be connected to, as a pure reducer; `keepRelays` runs it. As many as are wanted are held at a
 * time. One that fails or is lost rests, and another takes its place at once. A relay that holds is kept: coming back
 * earns no relay its place, or a network would move to and fro with it.
 */
export interface RelayChoice {
  readonly limits: RelayChoiceLimits;
  /** In the order of the list. */
  readonly candidates: readonly RelayCandidate[];
}

export interface RelayChoiceLimits {
  readonly heldMax: number;
  readonly restMinMs: number;
  readonly restMaxMs: number;
}

export interface RelayCandidate {
  readonly addr: string;
  /** `active`: being dialled, or connected. `resting`: has failed a moment ago. */
  readonly phase: 'idle' | 'active' | 'resting';
  /** Without a useful connection in between. */
  readonly failures: number;
}

export type RelayChoiceEvent =
  /** What the source names now. An empty list changes nothing: the source may be out of reach, and the relays not. */
  | { readonly type: 'listed'; readonly addrs: readonly string[] }
  /** It could not be dialled, or its connection has ended: `served` if that had been of use. */
  | { readonly type: 'ended'; readonly addr: string; readonly after: 'failed' | 'served' }
  | { readonly type: 'rested'; readonly addr: string };

export type RelayChoiceEffect =
  | { readonly type: 'dial'; readonly addr: string }
  | { readonly type: 'rest'; readonly addr: string; readonly ms: number }
  /** It is listed no longer. */
  | { readonly type: 'release'; readonly addr: string };

const listedMax = 16;

export const noRelays = (limits: RelayChoiceLimits): RelayChoice => ({ limits, candidates: [] });

/** `draw` is uniform in [0, 1) and spreads what many peers do at the same moment, such as when a relay dies. */
export function chooseRelays(
  choice: RelayChoice,
  event: RelayChoiceEvent,
  draw: number,
): readonly [RelayChoice, readonly RelayChoiceEffect[]] {
  const { limits, candidates } = choice;
  switch (event.type) {
    case 'listed': {
      const addrs = [...new Set(event.addrs)].slice(0, listedMax);
      if (addrs.length === 0) return [choice, []];
      const released = candidates.filter(({ addr }) => !addrs.includes(addr));
      const listed = addrs.map(
        (addr): RelayCandidate => candidates.find((one) => one.addr === addr) ?? { addr, phase: 'idle', failures: 0 },
      );
      const [after, effects] = fill({ limits, candidates: listed }, 0);
      return [after, [...released.map(({ addr }) => ({ type: 'release', addr }) as const), ...effects]];
    }
    case 'ended': {
      const ended = candidates.find(({ addr, phase }) => addr === event.addr && phase === 'active');
      if (!ended) return [choice, []];
      const failures = event.after === 'served' ? 0 : ended.failures + 1;
      const ms = backOffMs(failures, draw, { minMs: limits.restMinMs, maxMs: limits.restMaxMs });
      const [after, effects] = fill(change(choice, { ...ended, phase: 'resting', failures }), draw);
      return [after, [{ type: 'rest', addr: event.addr, ms }, ...effects]];
    }
    case 'rested': {
      const rested = candidates.find(({ addr, phase }) => addr === event.addr && phase === 'resting');
      return rested ? fill(change(choice, { ...rested, phase: 'idle' }), draw) : [choice, []];
    }
  }
}

const change = (choice: RelayChoice, changed: RelayCandidate): RelayChoice => ({
  ...choice,
  candidates: choice.candidates.map((one) => (one.addr === changed.addr ? changed : one)),
});

/** Dials until enough are held: those that failed least, the list's first or, after a loss, any of them. */
function fill(choice: RelayChoice, draw: number): readonly [RelayChoice, readonly RelayChoiceEffect[]] {
  const dials: RelayChoiceEffect[] = [];
  for (let now = choice; ;) {
    const active = now.candidates.filter(({ phase }) => phase === 'active');
    const ready = now.candidates.filter(({ phase, addr }) => phase === 'idle' && !active.some(isSameRelay(addr)));
    if (active.length >= now.limits.heldMax || ready.length === 0) return [now, dials];
    const failuresMin = Math.min(...ready.map(({ failures }) => failures));
    const best = ready.filter(({ failures }) => failures === failuresMin);
    const next = best[Math.floor(draw * best.length)]!;
    dials.push({ type: 'dial', addr: next.addr });
    now = change(now, { ...next, phase: 'active' });
  }
}

/** Two addresses of one relay are no second relay. */
const isSameRelay = (addr: string) => (other: RelayCandidate) => targetOf(other.addr) === targetOf(addr);

/**
 * Exponential back-off with full jitter (M. Brooker, "Exponential Backoff And Jitter", 2015) down to half of the first
 * step, so that nothing is tried in a tight loop.
 */
export function backOffMs(
  failures: number,
  draw: number,
  { minMs, maxMs }: { readonly minMs: number; readonly maxMs: number },
): number {
  const leastMs = minMs / 2;
  return leastMs + draw * (Math.min(maxMs, minMs * 2 ** Math.min(failures, 16)) - leastMs);
}
