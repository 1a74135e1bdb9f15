import { raceSignal } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { wireError } from '#lib/protocol/errors.ts';

/** Waits for `promise`, but no longer than `ms`. @throws `deadline` after that, the signal's coded error. */
export async function within<T>(promise: Promise<T>, ms: number, clock: Clock, signal?: AbortSignal): Promise<T> {
  const settled = new AbortController();
  const timedOut = clock.delay(ms, { signal: settled.signal }).then(() => {
    throw wireError('deadline');
  });
  timedOut.catch(() => undefined);
  try {
    return await raceSignal(Promise.race([promise, timedOut]), signal);
  } finally {
    settled.abort();
  }
}
