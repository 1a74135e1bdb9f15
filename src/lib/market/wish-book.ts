import type { Clock } from '#lib/base/clock.ts';
import { createEmitter } from '#lib/base/emitter.ts';
import type { ArtefactId, PeerId } from '#lib/protocol/ids.ts';
import { wishLimits, type Wish } from '#lib/protocol/wish.ts';

/**
 * The last wish of each peer. Keys are free, so that what is counted are wishes and not people, and there is a bound on all of
 * them, and on those of one place.
 */
export interface WishBook {
  /** Whether `put` would be right: `stale` is expired, ahead of the clock or not newer than the last; `full` has no room. */
  check(wish: Wish, places: readonly string[]): 'fresh' | 'stale' | 'full';
  /** @param places what it is counted in: the machine, then its zone; none for a peer whose address is not known. */
  put(wish: Wish, places: readonly string[]): void;
  /** How many peers wish for each model now. */
  counts(): ReadonlyMap<ArtefactId, number>;
  /** Called with each `put`; what expires, only `counts` tells. */
  onChange(listener: () => void): () => void;
}

interface Kept {
  readonly wish: Wish;
  readonly places: readonly string[];
  readonly expiresAt: number;
  /** Until then an older wish of this peer could still be dated right, and would bring back what was taken back. */
  readonly forgetAt: number;
}

const forgetEveryMs = 1_000;

export function createWishBook({ clock }: { readonly clock: Pick<Clock, 'now'> }): WishBook {
  const kept = new Map<PeerId, Kept>();
  const peersAt = new Map<string, number>();
  const changed = createEmitter<void>();
  let forgotAt = Number.NEGATIVE_INFINITY;

  const count = (places: readonly string[], change: 1 | -1) => {
    for (const place of places) {
      const peers = (peersAt.get(place) ?? 0) + change;
      if (peers > 0) peersAt.set(place, peers);
      else peersAt.delete(place);
    }
  };
  const forget = (peer: PeerId) => {
    const known = kept.get(peer);
    if (!known) return;
    kept.delete(peer);
    count(known.places, -1);
  };
  const forgetExpired = (now: number) => {
    if (now - forgotAt < forgetEveryMs) return;
    forgotAt = now;
    for (const [peer, { forgetAt }] of kept) if (forgetAt <= now) forget(peer);
  };
  const hasRoom = (peer: PeerId, places: readonly string[]) => {
    const own = kept.get(peer);
    if (!own && kept.size >= wishLimits.peersMax) return false;
    return places.every((place, level) => {
      const others = (peersAt.get(place) ?? 0) - (own?.places.includes(place) ? 1 : 0);
      return others < wishLimits.peersPerMachineMax * (level === 0 ? 1 : wishLimits.zoneFactor);
    });
  };

  return {
    check(wish, places) {
      const now = clock.now();
      forgetExpired(now);
      const { clockSkewMs } = wishLimits;
      const last = kept.get(wish.peer)?.wish.issuedAt ?? Number.NEGATIVE_INFINITY;
      const isDated = wish.issuedAt <= now + clockSkewMs && wish.issuedAt + wish.ttlMs > now - clockSkewMs;
      if (!isDated || wish.issuedAt <= last) return 'stale';
      return hasRoom(wish.peer, places) ? 'fresh' : 'full';
    },
    put(wish, places) {
      const now = clock.now();
      forget(wish.peer);
      count(places, 1);
      kept.set(wish.peer, {
        wish,
        places,
        expiresAt: Math.min(now, wish.issuedAt) + wish.ttlMs,
        forgetAt: Math.max(now, wish.issuedAt) + wishLimits.ttlMsMax + wishLimits.clockSkewMs,
      });
      changed.emit();
    },
    counts() {
      const now = clock.now();
      const counts = new Map<ArtefactId, number>();
      for (const { wish, expiresAt } of kept.values()) {
        if (expiresAt <= now) continue;
        for (const artefact of wish.artefacts) counts.set(artefact, (counts.get(artefact) ?? 0) + 1);
      }
      return counts;
    },
    onChange: changed.listen,
  };
}
