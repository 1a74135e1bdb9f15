import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';

/** A signal that aborts after a timeout or together with another signal. `clear` cancels the timer. */
export interface Deadline {
  readonly signal: AbortSignal;
  clear(): void;
}

export function deadlineAfter(clock: Clock, ms: number, ...others: readonly (AbortSignal | undefined)[]): Deadline {
  const expired = new AbortController();
  const cleared = new AbortController();
  clock.delay(ms, { signal: cleared.signal }).then(
    () => expired.abort(new TabloomError('timeout', `Nothing happened for ${ms} ms.`)),
    () => undefined,
  );
  const signals = others.filter((signal) => signal !== undefined);
  return {
    signal: signals.length > 0 ? AbortSignal.any([expired.signal, ...signals]) : expired.signal,
    clear: () => cleared.abort(),
  };
}
