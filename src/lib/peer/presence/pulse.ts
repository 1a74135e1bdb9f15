import { raceSignal } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';

/** Keeps one sending side alive: knows when it has been quiet for too long, and when a message does not go out. */
export interface Pulse {
  /** Nothing has gone out for the interval: it is time to say `alive`. */
  readonly isQuiet: boolean;
  /** Sends one message, after the one before. @throws as the sending does, or the signal's coded error. */
  send(sending: () => Promise<void>): Promise<void>;
}

export interface PulseOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly intervalMs: number;
  readonly stallMs: number;
  /** Called when it becomes quiet, and again from time to time while it stays so. */
  readonly onQuiet: () => void;
  /** Called once: the other side has taken nothing for `stallMs`. */
  readonly onStall: () => void;
}

export function createPulse(options: PulseOptions): Pulse {
  const { clock, signal, intervalMs, stallMs, onQuiet, onStall } = options;
  let spokeMs = clock.elapsed();
  let underway = false;
  const quietMs = () => clock.elapsed() - spokeMs;

  const beat = async () => {
    for (;;) {
      // Looks at short intervals while overdue: what is under way now may be gone a moment later.
      await clock.delay(quietMs() < intervalMs ? intervalMs - quietMs() : intervalMs / 4, { signal });
      if (underway && quietMs() >= stallMs) return onStall();
      if (!underway && quietMs() >= intervalMs) onQuiet();
    }
  };
  beat().catch(() => undefined);

  return {
    get isQuiet() {
      return quietMs() >= intervalMs;
    },
    async send(sending) {
      underway = true;
      await raceSignal(sending(), signal);
      underway = false;
      spokeMs = clock.elapsed();
    },
  };
}
