import type { Clock } from '#lib/base/clock.ts';
import type { ClockView } from '#lib/state/network.ts';
import { createLive, type Live } from '#lib/base/live.ts';
import type { RelayTime } from '#lib/peer/presence/discovery-client.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { askRelay, type RelayAnswer } from './ask-relay.ts';

/** One measurement of a relay's clock. All in milliseconds. */
export interface ClockSample {
  /** This device's clock when the response arrived, since the Unix epoch. */
  readonly receivedAt: number;
  readonly roundTripMs: number;
  /** What the response says, truncated to `stepMs`. */
  readonly dateAt: number;
  readonly stepMs: number;
}

/** HTTP dates are truncated to seconds: half a second is missing on average. */
const httpStepMs = 1_000;
/** A smaller offset is as likely a measurement error, and offers may be dated ten seconds ahead. */
const correctFromMs = 2_000;
/** A response that took longer is too imprecise. */
const roundTripMsMax = 5_000;

/**
 * The offset of this device's clock from a relay's, assuming the response was written half a round trip before it arrived.
 * Undefined if the sample is too imprecise.
 */
export function clockOffset({ receivedAt, roundTripMs, dateAt, stepMs }: ClockSample): ClockView | undefined {
  if (!Number.isFinite(dateAt) || roundTripMs < 0 || roundTripMs > roundTripMsMax) return undefined;
  const offsetMs = Math.round(dateAt + stepMs / 2 + roundTripMs / 2 - receivedAt);
  const errorMs = Math.round(stepMs / 2 + roundTripMs / 2);
  return { offsetMs, errorMs, corrected: Math.abs(offsetMs) > correctFromMs + errorMs };
}

/**
 * The median, so that a minority of relays cannot move the clock. Of two in the middle the one that changes less: one relay of
 * two cannot either.
 */
export function medianOffset(offsets: readonly ClockView[]): ClockView | undefined {
  const sorted = offsets.toSorted((a, b) => a.offsetMs - b.offsetMs);
  const middle = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]].filter((one) => one !== undefined);
  return middle.toSorted((a, b) => Math.abs(a.offsetMs) - Math.abs(b.offsetMs))[0];
}

/** This device's clock, corrected by the offset last measured. Durations are unaffected. */
export interface CorrectedClock extends Clock {
  readonly view: Live<ClockView | undefined>;
  /** Takes in the clock of a relay that has just been heard; the median of the relays outranks what {@link compare} finds. */
  note(sample: RelayTime): void;
  /**
   * Compares it with the clock of the page's own relay now. Keeps the last result if that relay does not respond.
   * @param known `outdated`: this device's clock has been set, and what relays said before is worth nothing.
   * @param asked an answer that is on its way already.
   */
  compare(known?: 'current' | 'outdated', asked?: Promise<RelayAnswer | undefined>): Promise<void>;
}

export interface CorrectedClockComponents {
  readonly clock: Clock;
  readonly fetch: typeof globalThis.fetch;
  /** Of the page, that is its own relay: a browser lets a page read the `Date` of its own origin only. */
  readonly origin: string;
}

/** Relays whose last measurement counts. */
const relaysMax = 8;

export function createCorrectedClock({ clock, fetch, origin }: CorrectedClockComponents): CorrectedClock {
  const view = createLive<ClockView | undefined>(undefined);
  const byRelay = new Map<PeerId, ClockView>();
  return {
    now: () => clock.now() + (view.current?.corrected ? view.current.offsetMs : 0),
    elapsed: () => clock.elapsed(),
    delay: (ms, options) => clock.delay(ms, options),
    after: (ms, run) => clock.after(ms, run),
    view,
    note({ relay, time, roundTripMs }) {
      const offset = clockOffset({ receivedAt: clock.now(), roundTripMs, dateAt: time, stepMs: 1 });
      if (!offset) return;
      byRelay.delete(relay);
      byRelay.set(relay, offset);
      if (byRelay.size > relaysMax) byRelay.delete(byRelay.keys().next().value!);
      view.set(medianOffset([...byRelay.values()]));
    },
    async compare(known = 'current', asked) {
      if (known === 'outdated') byRelay.clear();
      if (byRelay.size > 0) return;
      const answer = await (asked ?? askRelay({ clock, fetch, origin }));
      if (byRelay.size > 0 || !answer) return;
      const { receivedAt, roundTripMs, dateAt } = answer;
      view.set(clockOffset({ receivedAt, roundTripMs, dateAt, stepMs: httpStepMs }) ?? view.current);
    },
  };
}

const checkEveryMs = 30_000;
const compareEveryMs = 10 * 60_000;
/** The clock was set, or the device slept: wall-clock and monotonic time diverge by more than this. */
const jumpMs = 1_000;

/** Compares the clocks again at intervals, and soon after this device's clock was set. */
export async function keepComparing(
  corrected: CorrectedClock,
  { clock, wakeups }: { readonly clock: Clock; readonly wakeups: (wake: () => void) => () => void },
  signal: AbortSignal,
): Promise<void> {
  const drift = () => clock.now() - clock.elapsed();
  let [seen, comparedAtMs] = [drift(), clock.elapsed()];
  const check = async () => {
    const jumped = Math.abs(drift() - seen) > jumpMs;
    if (!jumped && corrected.view.current && clock.elapsed() - comparedAtMs < compareEveryMs) return;
    [seen, comparedAtMs] = [drift(), clock.elapsed()];
    await corrected.compare(jumped ? 'outdated' : 'current');
  };
  const endWaking = wakeups(() => void check());
  while (!signal.aborted) {
    await clock.delay(checkEveryMs, { signal }).catch(() => undefined);
    if (!signal.aborted) await check();
  }
  endWaking();
}
