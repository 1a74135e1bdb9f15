import type { Clock } from '#lib/base/clock.ts';
import type { Live } from '#lib/state/live.ts';
import type { ClockView } from '#lib/state/network.ts';
import { createLive } from './live.ts';

/** What one answer of a relay says of the time. All in milliseconds. */
export interface ClockSample {
  /** This device's clock when the answer came, since the Unix epoch. */
  readonly receivedAt: number;
  readonly roundTripMs: number;
  /** The answer's own date, cut to a second as HTTP has it. */
  readonly dateAt: number;
}

/** HTTP dates are cut to a second: on the average half of one is missing. */
const dateStepMs = 1_000;
/** An offset this small is as likely the measurement's; offers may be dated ten seconds ahead. */
const correctFromMs = 2_000;
/** An answer that took longer says too little. */
const roundTripMsMax = 5_000;

/**
 * How far this device's clock is from a relay's: the answer was written half a round trip before it came. Undefined where
 * the sample says too little.
 */
export function clockOffset({ receivedAt, roundTripMs, dateAt }: ClockSample): ClockView | undefined {
  if (!Number.isFinite(dateAt) || roundTripMs < 0 || roundTripMs > roundTripMsMax) return undefined;
  const offsetMs = Math.round(dateAt + dateStepMs / 2 + roundTripMs / 2 - receivedAt);
  const errorMs = Math.round(dateStepMs / 2 + roundTripMs / 2);
  return { offsetMs, errorMs, corrected: Math.abs(offsetMs) > correctFromMs + errorMs };
}

/** A clock that goes right whatever this device's does, by what was measured last. Durations are left as they are. */
export interface CorrectedClock extends Clock {
  readonly view: Live<ClockView | undefined>;
  /** Compares it with the relay's now. Keeps what is known where no relay answers. */
  compare(): Promise<void>;
}

export interface CorrectedClockComponents {
  readonly clock: Clock;
  readonly fetch: typeof globalThis.fetch;
  /** Of the page: its own relay, whose answers alone a browser lets it read the date of. */
  readonly origin: string;
}

const timeoutMs = 8_000;

export function createCorrectedClock({ clock, fetch, origin }: CorrectedClockComponents): CorrectedClock {
  const view = createLive<ClockView | undefined>(undefined);
  return {
    now: () => clock.now() + (view.current?.corrected ? view.current.offsetMs : 0),
    elapsed: () => clock.elapsed(),
    delay: (ms, options) => clock.delay(ms, options),
    view,
    async compare() {
      const askedAtMs = clock.elapsed();
      const signal = AbortSignal.timeout(timeoutMs);
      const url = new URL('/relay.json', origin);
      const response = await fetch(url, { signal, cache: 'no-store', credentials: 'omit' }).catch(() => undefined);
      const [receivedAt, roundTripMs] = [clock.now(), clock.elapsed() - askedAtMs];
      void response?.body?.cancel().catch(() => undefined);
      const dateAt = Date.parse(response?.headers.get('date') ?? '');
      view.set(clockOffset({ receivedAt, roundTripMs, dateAt }) ?? view.current);
    },
  };
}

const lookEveryMs = 30_000;
const compareEveryMs = 10 * 60_000;
/** A clock that was set, or a device that slept: the two ways to count time come apart. */
const jumpMs = 1_000;

/** Compares again now and then, and soon after this device's clock was set. */
export async function keepComparing(
  corrected: CorrectedClock,
  { clock, wakeups }: { readonly clock: Clock; readonly wakeups: (wake: () => void) => () => void },
  signal: AbortSignal,
): Promise<void> {
  const drift = () => clock.now() - clock.elapsed();
  let [seen, comparedAtMs] = [drift(), clock.elapsed()];
  const look = async () => {
    const jumped = Math.abs(drift() - seen) > jumpMs;
    if (!jumped && corrected.view.current && clock.elapsed() - comparedAtMs < compareEveryMs) return;
    [seen, comparedAtMs] = [drift(), clock.elapsed()];
    await corrected.compare();
  };
  const endWaking = wakeups(() => void look());
  while (!signal.aborted) {
    await clock.delay(lookEveryMs, { signal }).catch(() => undefined);
    if (!signal.aborted) await look();
  }
  endWaking();
}
