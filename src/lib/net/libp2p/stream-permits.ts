import type { PeerId } from '#lib/protocol/ids.ts';
import { peerBusy } from '../errors.ts';

/**
 * Limits the open streams per peer, so that a peer is never sent more than it accepts: it resets streams beyond its
 * limit, which would look like a loss.
 */
export interface StreamPermits {
  /**
   * Acquires a permit; call it before anything is sent. The returned function releases the permit and is idempotent.
   * @throws `busy`.
   */
  take(peer: PeerId, protocol: string): () => void;
}

export function createStreamPermits(max: number): StreamPermits {
  const counts = new Map<string, number>();

  return {
    take(peer, protocol) {
      const key = `${peer} ${protocol}`;
      const count = counts.get(key) ?? 0;
      if (count >= max) throw peerBusy(peer);
      counts.set(key, count + 1);
      let held = true;
      return () => {
        if (!held) return;
        held = false;
        const left = counts.get(key)! - 1;
        if (left > 0) counts.set(key, left);
        else counts.delete(key);
      };
    },
  };
}
