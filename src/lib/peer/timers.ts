import type { Clock } from '#lib/base/clock.ts';

/** Named timers of one session over a single pending delay, however often they are armed. */
export interface Timers<Name extends string> {
  /** From now on it fires in `ms`, whatever it was armed for before. */
  arm(name: Name, ms: number): void;
  disarm(name: Name): void;
  /** Disarms all of them, for good. */
  stop(): void;
}

export interface TimersOptions<Name extends string> {
  readonly clock: Clock;
  /** `lateMs`: how late a spared timer came at first, before it got one more period. */
  readonly onFire: (name: Name, lateMs: number) => void;
  /** Those that speak of the other side's silence. */
  readonly spared?: ReadonlySet<Name> | undefined;
}

/** A timer that fires this late was held up by a sleeping device, a hidden tab or a busy process, not by the other side. */
const heldUpMs = 1_000;

interface Armed {
  ms: number;
  dueMs: number;
  isSpared: boolean;
  lateMs: number;
}

/**
 * Arming costs one look-up, so that a token may feed its timer. A spared timer that comes much too late gets one more
 * period: what arrived while this process was held up is read first, and only then is there a silence to speak of. It gets
 * one, since where every timer is late, as in a hidden tab, the other side would never be found silent.
 */
export function createTimers<Name extends string>({ clock, onFire, spared }: TimersOptions<Name>): Timers<Name> {
  const armed = new Map<Name, Armed>();
  let wakeMs = Number.POSITIVE_INFINITY;
  let endSleep = () => {};
  let stopped = false;

  const schedule = () => {
    let earliestMs = Number.POSITIVE_INFINITY;
    for (const { dueMs } of armed.values()) earliestMs = Math.min(earliestMs, dueMs);
    if (earliestMs >= wakeMs || stopped) return;
    endSleep();
    wakeMs = earliestMs;
    endSleep = clock.after(Math.max(0, earliestMs - clock.elapsed()), wake);
  };

  const wake = () => {
    if (stopped) return;
    wakeMs = Number.POSITIVE_INFINITY;
    const nowMs = clock.elapsed();
    for (const [name, timer] of Array.from(armed)) {
      if (timer.dueMs > nowMs || armed.get(name) !== timer) continue;
      if (spared?.has(name) && !timer.isSpared && nowMs - timer.dueMs > heldUpMs) {
        timer.isSpared = true;
        timer.lateMs = nowMs - timer.dueMs;
        timer.dueMs = nowMs + timer.ms;
        continue;
      }
      armed.delete(name);
      onFire(name, timer.lateMs);
    }
    schedule();
  };

  return {
    arm(name, ms) {
      if (stopped) return;
      const dueMs = clock.elapsed() + ms;
      const timer = armed.get(name);
      if (timer) {
        timer.ms = ms;
        timer.dueMs = dueMs;
        timer.isSpared = false;
        timer.lateMs = 0;
      } else armed.set(name, { ms, dueMs, isSpared: false, lateMs: 0 });
      if (dueMs < wakeMs) schedule();
    },
    disarm: (name) => void armed.delete(name),
    stop() {
      stopped = true;
      armed.clear();
      endSleep();
    },
  };
}
