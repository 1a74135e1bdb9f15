import { abortError, anySignal, type AbortOptions } from './abort.ts';
import type { Clock } from './clock.ts';
import { TabloomError } from './errors.ts';

/** A signal that aborts when its time is up, or when another signal does. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** Lets the timer go: from now on only the other signal aborts this one. */
  clear(): void;
}

export interface TimeoutOptions extends AbortOptions {
  /** Made when the time is up; `timeout` by default. */
  readonly error?: (() => TabloomError) | undefined;
}

/** Starts a deadline of `ms` milliseconds. Call `clear` once it is met, or its timer keeps running. */
export function startDeadline(clock: Clock, ms: number, { signal, error }: TimeoutOptions = {}): Deadline {
  const expired = new AbortController();
  const clear = clock.after(ms, () => expired.abort(error?.() ?? timedOut(ms)));
  return { signal: signal ? anySignal([expired.signal, signal]) : expired.signal, clear };
}

/**
 * Settles as `promise` does, but waits no longer than `ms`. What the promise stands for goes on: hand it the signal of a
 * {@link startDeadline} where it can be stopped.
 * @throws `timeout`, or the error given for it; the signal's coded error.
 */
export function withTimeout<T>(
  promise: Promise<T>,
  clock: Clock,
  ms: number,
  { signal, error }: TimeoutOptions = {},
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => end(reject, abortError(signal!));
    const clear = clock.after(ms, () => end(reject, error?.() ?? timedOut(ms)));
    const end = <Value>(settle: (value: Value) => void, value: Value) => {
      clear();
      signal?.removeEventListener('abort', onAbort);
      settle(value);
    };
    promise.then(
      (value) => end(resolve, value),
      (reason: unknown) => end(reject, reason),
    );
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  });
}

const timedOut = (ms: number) => new TabloomError('timeout', `Nothing happened for ${ms} ms. Try again.`);
