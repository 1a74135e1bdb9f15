import type { Clock } from '#lib/base/clock.ts';
import type { Directory } from '#lib/market/spec.ts';
import type { Net } from '#lib/net/spec.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { seenOf } from './attempt.ts';
import type { JobState } from './job-state.ts';

export interface FarewellComponents {
  readonly directory: Pick<Directory, 'onChange'>;
  readonly net: Pick<Net, 'ping' | 'self'>;
  readonly clock: Clock;
  /** Of the job that the worker answers: its last attempt tells how far away the worker is and when it last spoke. */
  readonly state: () => Pick<JobState, 'attempts'>;
}

/**
 * How long a worker that has said goodbye, or that its relay lost sight of, may take to show that it lives: the question
 * and its answer are two round trips and a stream, so four of them, within these bounds.
 */
export const farewellTimeoutMs = { min: 500, max: 3_000 } as const;
const roundTrips = 4;

/**
 * Asks a worker whether it lives as soon as it leaves the directory, and calls `onDead` once when it does not answer. A
 * closing tab's goodbye comes over its relay at once, while its direct connection takes seconds to be found dead; a
 * worker that only stops offering, or whose relay has gone, finishes what it has begun, and answers. Tokens that come in
 * the second half of the time are an answer too: what was under way at the goodbye has come by then. Returns the end of
 * the watch.
 */
export function watchFarewell(
  peer: PeerId,
  { directory, net, clock, state }: FarewellComponents,
  onDead: () => void,
): () => void {
  const over = new AbortController();
  let asking = false;

  const lives = async (): Promise<boolean> => {
    const askedAt = clock.now();
    const attempt = state().attempts.at(-1);
    const roundTripMs = (attempt && seenOf(attempt).rttMs) ?? 0;
    const { min, max } = farewellTimeoutMs;
    const timeoutMs = Math.min(max, Math.max(min, roundTrips * roundTripMs));
    const late = new AbortController();
    const patience = clock.delay(timeoutMs, { signal: AbortSignal.any([over.signal, late.signal]) });
    patience.then(
      () => late.abort(),
      () => undefined,
    );
    try {
      await net.ping(peer, { signal: AbortSignal.any([over.signal, late.signal]) });
      return true;
    } catch {
      const lastTokenAt = state().attempts.at(-1)?.lastTokenAt ?? 0;
      return over.signal.aborted || lastTokenAt >= askedAt + timeoutMs / 2;
    } finally {
      late.abort();
    }
  };
  const ask = async () => {
    if (asking || peer === net.self) return;
    asking = true;
    if (!(await lives())) onDead();
    asking = false;
  };

  const forget = directory.onChange((change) => {
    if (change.type === 'gone' && change.peer === peer) void ask();
  });
  return () => {
    forget();
    over.abort();
  };
}
