import type { Clock } from '#lib/base/clock.ts';
import type { Directory } from '#lib/market/spec.ts';
import type { Net } from '#lib/net/spec.ts';
import type { PeerId } from '#lib/protocol/ids.ts';

export interface FarewellComponents {
  readonly directory: Pick<Directory, 'onChange'>;
  readonly net: Pick<Net, 'ping' | 'self'>;
  readonly clock: Clock;
}

/** How long a worker that has said goodbye, or that its relay lost sight of, may take to show that it lives. */
export const farewellTimeoutMs = 500;

/**
 * Asks a worker whether it lives as soon as it leaves the directory, and calls `onDead` once when it does not answer. A
 * closing tab's goodbye comes over its relay at once, while its direct connection takes seconds to be found dead; a
 * worker that only stops offering finishes what it has begun, and answers. Returns the end of the watch.
 */
export function watchFarewell(
  peer: PeerId,
  { directory, net, clock }: FarewellComponents,
  onDead: () => void,
): () => void {
  const over = new AbortController();
  let asking = false;

  const lives = async (): Promise<boolean> => {
    const late = new AbortController();
    const patience = clock.delay(farewellTimeoutMs, { signal: AbortSignal.any([over.signal, late.signal]) });
    patience.then(
      () => late.abort(),
      () => undefined,
    );
    try {
      await net.ping(peer, { signal: AbortSignal.any([over.signal, late.signal]) });
      return true;
    } catch {
      return over.signal.aborted;
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
