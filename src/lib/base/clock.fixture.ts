import { abortError } from './abort.ts';
import type { Clock } from './clock.ts';

/** A clock that stands still until it is moved: for tests and the simulator. */
export interface ManualClock extends Clock {
  /**
   * Moves time forward by `ms`, firing the delays that come due one by one, each at its own time. Before the first, after
   * each and at the end it lets the program {@link runPending}.
   */
  advance(ms: number): Promise<void>;
  /** Milliseconds until the next delay comes due; infinite if there is none. */
  readonly nextDueMs: number;
}

interface Timer {
  readonly dueMs: number;
  readonly fire: () => void;
}

/** The real one, even where a test puts fake timers in its place. */
const { setImmediate } = globalThis;

/**
 * Lets everything run that can run now: one turn of the event loop, which comes when no promise callback is left. Counting
 * turns of the promise queue instead would tie a test to the number of `await`s in the code it tests, and a chain longer
 * than the count would still be running when the clock moves on. What happens outside this thread (a worker, the disk, a
 * socket, native cryptography) is not waited for: a test that moves time by hand has doubles for these.
 */
export const runPending = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export function manualClock(startMs = 1_700_000_000_000): ManualClock {
  let nowMs = startMs;
  const timers = new Set<Timer>();
  /** In the order of their setting, so that of two that are due together the older one comes first. */
  const nextDue = (untilMs: number): Timer | undefined => {
    let next: Timer | undefined;
    for (const timer of timers) if (timer.dueMs <= untilMs && (!next || timer.dueMs < next.dueMs)) next = timer;
    return next;
  };
  return {
    now: () => nowMs,
    elapsed: () => nowMs - startMs,
    get nextDueMs() {
      return (nextDue(Number.POSITIVE_INFINITY)?.dueMs ?? Number.POSITIVE_INFINITY) - nowMs;
    },
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
    after(ms, run) {
      const timer: Timer = { dueMs: nowMs + Math.max(0, ms), fire: run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    async advance(ms) {
      const untilMs = nowMs + ms;
      await runPending();
      for (let next = nextDue(untilMs); next; next = nextDue(untilMs)) {
        timers.delete(next);
        nowMs = Math.max(nowMs, next.dueMs);
        next.fire();
        await runPending();
      }
      nowMs = Math.max(nowMs, untilMs);
      await runPending();
    },
  };
}
