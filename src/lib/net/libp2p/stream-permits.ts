import type { PeerId } from '#lib/protocol/ids.ts';
import { peerBusy } from '../errors.ts';

/**
 * Counts the streams open to each peer, so that nobody is asked for more than it accepts: what is over its limit it can
 * only cut off, and that would look like a loss.
 */
export interface StreamPermits {
  /**
   * Takes a place for one more, to be called before anything is sent. The place is free again once what is given back
   * has been called; calling it twice frees one.
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
