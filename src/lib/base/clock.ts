import { abortError, type AbortOptions } from './abort.ts';

/** Time, as a component. Nothing below `peer/` reads the global clock or sets a global timer. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Milliseconds from an arbitrary origin, never going backwards; for durations. */
  elapsed(): number;
  /** Resolves after `ms`; rejects with the signal's coded error when aborted. */
  delay(ms: number, options?: AbortOptions): Promise<void>;
  /**
   * Calls `run` after `ms`, or a few per cent more. Returns the function that lets the timer go. For timers that are set far more often than they come
   * due: they cost a fraction of an aborted delay.
   */
  after(ms: number, run: () => void): () => void;
}

/**
 * Long timers may come so much late. Node keeps a list for each duration: time that is left of a deadline is another duration each
 * time, and a list made and dropped costs several times the timer in it.
 */
const coarseMs = 50;
const coarseFromMs = 1_000;

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
  after(ms, run) {
    const timer = setTimeout(run, ms < coarseFromMs ? ms : Math.ceil(ms / coarseMs) * coarseMs);
    return () => clearTimeout(timer);
  },
};
