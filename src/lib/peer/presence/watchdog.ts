import type { Clock } from '#lib/base/clock.ts';
import type { TabloomError } from '#lib/base/errors.ts';

/** Notices that something expected does not come. One timer at a time, however often it is fed. */
export interface Watchdog {
  /** From now on something must come every `ms`, else the watch ends with `reason`. */
  expect(ms: number, reason: TabloomError): void;
  /** It came. */
  feed(): void;
  stop(): void;
}

/** A timer that fires this late was held up by a sleeping device or a hidden tab, not by the other side. */
const heldUpMs = 1_000;

/**
 * Calls `onSilence` once. A timer that comes much too late gives one more period: what arrived while this device slept is
 * read first, and only then is there a silence to speak of. It does so once, since where every timer is late, as in a
 * hidden tab, the other side would never be found silent.
 */
export function createWatchdog(clock: Clock, onSilence: (reason: TabloomError) => void): Watchdog {
  const over = new AbortController();
  let turn: AbortController | undefined;
  let fedMs = clock.elapsed();
  let spared = false;

  const watch = async (ms: number, reason: TabloomError, signal: AbortSignal) => {
    for (;;) {
      const dueMs = fedMs + ms;
      await clock.delay(Math.max(0, dueMs - clock.elapsed()), { signal });
      const nowMs = clock.elapsed();
      if (nowMs - dueMs > heldUpMs && !spared) {
        spared = true;
        fedMs = nowMs;
      }
      if (nowMs >= fedMs + ms) return onSilence(reason);
    }
  };

  return {
    expect(ms, reason) {
      turn?.abort();
      turn = new AbortController();
      fedMs = clock.elapsed();
      spared = false;
      watch(ms, reason, AbortSignal.any([over.signal, turn.signal])).catch(() => undefined);
    },
    feed() {
      fedMs = clock.elapsed();
      spared = false;
    },
    stop: () => over.abort(),
  };
}
