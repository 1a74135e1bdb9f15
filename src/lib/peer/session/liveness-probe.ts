import { released } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { startDeadline } from '#lib/base/timeout.ts';
import type { Directory } from '#lib/market/spec.ts';
import type { Net } from '#lib/net/spec.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { seenOf } from './attempt.ts';
import type { JobState } from './job-state.ts';

export interface LivenessComponents {
  readonly directory: Pick<Directory, 'onChange'>;
  readonly net: Pick<Net, 'ping' | 'self'>;
  readonly clock: Clock;
  /** Of the job that the worker answers: its last attempt shows the round trip and when the last token arrived. */
  readonly state: () => Pick<JobState, 'attempts'>;
}

/**
 * How long a worker may take to show that it is alive once it has withdrawn its offer or its relay has lost sight of it. The
 * ping and its answer are two round trips and a stream, so four round trips, within these bounds.
 */
export const probeTimeoutMs = { min: 500, max: 3_000 } as const;
const roundTrips = 4;

export interface LivenessListeners {
  /** The worker has left the directory and is being asked. */
  readonly onDoubt: () => void;
  readonly onDead: () => void;
}

/**
 * Pings a worker as soon as it leaves the directory, and calls `onDead` once if it does not answer. The withdrawal of a closing
 * tab arrives over its relay at once, while its direct connection takes seconds to be found dead; a worker that only stops
 * offering, or whose relay has gone, finishes its jobs, and answers. Tokens that arrive in the second half of the time are an
 * answer too: what was in flight at the withdrawal has arrived by then. Returns a function that ends the probing.
 */
export function probeOnWithdrawal(
  peer: PeerId,
  { directory, net, clock, state }: LivenessComponents,
  { onDoubt, onDead }: LivenessListeners,
): () => void {
  /** Made for a probe, since nearly no job sees one. */
  let over: AbortController | undefined;
  let isProbing = false;

  const isAlive = async ({ signal: ended }: AbortController): Promise<boolean> => {
    const askedAt = clock.now();
    const attempt = state().attempts.at(-1);
    const roundTripMs = (attempt && seenOf(attempt).rttMs) ?? 0;
    const { min, max } = probeTimeoutMs;
    const timeoutMs = Math.min(max, Math.max(min, roundTrips * roundTripMs));
    const deadline = startDeadline(clock, timeoutMs, { signal: ended });
    try {
      await net.ping(peer, { signal: deadline.signal });
      return true;
    } catch {
      const lastTokenAt = state().attempts.at(-1)?.lastTokenAt ?? 0;
      return ended.aborted || lastTokenAt >= askedAt + timeoutMs / 2;
    } finally {
      deadline.clear();
    }
  };
  const probe = async () => {
    if (isProbing || peer === net.self) return;
    isProbing = true;
    onDoubt();
    if (!(await isAlive((over = new AbortController())))) onDead();
    isProbing = false;
  };

  const endListening = directory.onChange((change) => {
    if (change.type === 'gone' && change.peer === peer) void probe();
  });
  return () => {
    endListening();
    over?.abort(released);
  };
}
