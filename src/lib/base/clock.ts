import { abortError, type AbortOptions } from './abort.ts';

/** Time, as a component. Nothing below `peer/` reads the global clock or sets a global timer. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Milliseconds from an arbitrary origin, never going backwards; for durations. */
  elapsed(): number;
  /** Resolves after `ms`; rejects with the signal's coded error when aborted. */
  delay(ms: number, options?: AbortOptions): Promise<void>;
}

/** The real clock. Only composition roots hand it out. */
export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  delay: (ms, { signal } = {}) =>
    new Promise<void>((resolve, reject) => {
      if (signal?.aborted) return reject(abortError(signal));
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      }, ms);
      const onAbort = () => {
        clearTimeout(timer);
        reject(abortError(signal!));
      };
      signal?.addEventListener('abort', onAbort, { once: true });
    }),
};

/** A clock that stands still until it is moved: for tests and the simulator. */
export interface ManualClock extends Clock {
  /** Moves time forward by `ms`, firing due delays in order and letting promise callbacks run between them. */
  advance(ms: number): Promise<void>;
}

interface Timer {
  readonly dueMs: number;
  readonly fire: () => void;
}

export function manualClock(startMs = 1_700_000_000_000): ManualClock {
  let nowMs = startMs;
  const timers = new Set<Timer>();
  const settle = async () => {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  };
  return {
    now: () => nowMs,
    elapsed: () => nowMs - startMs,
    delay: (ms, { signal } = {}) =>
      new Promise<void>((resolve, reject) => {
        if (signal?.aborted) return reject(abortError(signal));
        const onAbort = () => {
          timers.delete(timer);
          reject(abortError(signal!));
        };
        const timer: Timer = {
          dueMs: nowMs + Math.max(0, ms),
          fire: () => {
            signal?.removeEventListener('abort', onAbort);
            resolve();
          },
        };
        timers.add(timer);
        signal?.addEventListener('abort', onAbort, { once: true });
      }),
    async advance(ms) {
      const untilMs = nowMs + ms;
      await settle();
      for (;;) {
        const next = soonest(timers);
        if (!next || next.dueMs > untilMs) break;
        timers.delete(next);
        nowMs = Math.max(nowMs, next.dueMs);
        next.fire();
        await settle();
      }
      nowMs = untilMs;
      await settle();
    },
  };
}

function soonest(timers: Iterable<Timer>): Timer | undefined {
  let first: Timer | undefined;
  // In the order of their setting, so that of two that are due together the older one comes first.
  for (const timer of timers) if (!first || timer.dueMs < first.dueMs) first = timer;
  return first;
}
