import type { Clock } from '#lib/base/clock.ts';
import type { PeerId } from '#lib/protocol/ids.ts';

/**
 * Peers that are refused for a while because their messages were rejected repeatedly. Gossip scoring alone would leave
 * such a peer connected, so the net disconnects and denies it.
 */
export interface DenyList {
  /** Counts one rejection; true if it reached the limit. */
  reject(peer: PeerId): boolean;
  denies(peer: PeerId): boolean;
}

export const denyLimits = {
  rejectionsMax: 8,
  windowMs: 60_000,
  denyMs: 10 * 60_000,
  peersMax: 4_096,
} as const;

interface Entry {
  readonly sinceMs: number;
  readonly count: number;
  readonly deniedUntilMs: number;
}

export function createDenyList(clock: Clock): DenyList {
  const entries = new Map<PeerId, Entry>();

  const store = (peer: PeerId, entry: Entry) => {
    entries.delete(peer);
    entries.set(peer, entry);
    if (entries.size > denyLimits.peersMax) entries.delete(entries.keys().next().value!);
  };

  return {
    reject(peer) {
      const nowMs = clock.elapsed();
      const known = entries.get(peer);
      const recent = known && nowMs - known.sinceMs < denyLimits.windowMs ? known : { sinceMs: nowMs, count: 0 };
      const count = recent.count + 1;
      const tooMany = count >= denyLimits.rejectionsMax;
      store(peer, { sinceMs: recent.sinceMs, count, deniedUntilMs: tooMany ? nowMs + denyLimits.denyMs : 0 });
      return tooMany;
    },
    denies: (peer) => (entries.get(peer)?.deniedUntilMs ?? 0) > clock.elapsed(),
  };
}
