import type { Clock } from '#lib/base/clock.ts';
import { createEmitter } from '#lib/base/emitter.ts';
import type { Envelope } from '#lib/protocol/envelope.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { limits as wire } from '#lib/protocol/limits.ts';
import type { Offer } from '#lib/protocol/offer.ts';
import { createOfferIndex } from './offer-index.ts';
import type { Admission, Directory, DirectoryChange } from './spec.ts';

export interface DirectoryLimits {
  readonly offersMax: number;
  readonly clockSkewMs: number;
  readonly perWindowMax: number;
  readonly windowMs: number;
}

export interface DirectoryComponents {
  readonly clock: Clock;
  readonly limits?: Partial<DirectoryLimits>;
}

/**
 * What was last heard of a peer. It outlives the offer itself, so that an old offer cannot bring back a peer that said
 * goodbye; it is dropped once every offer up to `seq` would be stale by its date alone.
 */
interface Heard {
  readonly seq: number;
  readonly forgetAt: number;
  readonly admittedAt: readonly number[];
}

/**
 * Offers by peer, each until it expires. An offer that is draining and lists no models is a goodbye: it is admitted, so
 * that gossip carries it on, and the peer is gone at once.
 */
export function createDirectory({ clock, limits }: DirectoryComponents): Directory {
  const { offersMax, clockSkewMs, perWindowMax, windowMs } = {
    offersMax: wire.directoryOffersMax,
    clockSkewMs: wire.offerClockSkewMs,
    perWindowMax: wire.offersPerWindowMax,
    windowMs: wire.offerRateWindowMs,
    ...limits,
  };
  const offers = createOfferIndex();
  const heard = new Map<PeerId, Heard>();
  const changes = createEmitter<DirectoryChange>();

  const remove = (peer: PeerId): boolean => {
    const known = offers.delete(peer);
    if (known) changes.emit({ type: 'gone', peer });
    return known;
  };

  const expire = () => {
    const now = clock.now();
    for (const { offer } of offers.all.filter((entry) => entry.expiresAt <= now)) remove(offer.peer);
    for (const [peer, memory] of heard) if (memory.forgetAt <= now && !offers.get(peer)) heard.delete(peer);
  };

  /** Keeps the memory bounded: the peers heard longest ago go first, live ones never. */
  const trim = () => {
    if (heard.size <= offersMax * 2) return;
    for (const peer of heard.keys()) {
      if (heard.size <= offersMax * 2) return;
      if (!offers.get(peer)) heard.delete(peer);
    }
  };

  const checkFreshness = (offer: Offer, now: number): Admission => {
    if (offer.issuedAt > now + clockSkewMs) return 'ahead';
    if (offer.issuedAt + clockSkewMs + offer.ttlMs <= now) return 'stale';
    const last = heard.get(offer.peer);
    if (last && offer.seq === last.seq) return 'repeated';
    if (last && offer.seq < last.seq) return 'stale';
    if (last && last.admittedAt.filter((at) => at > now - windowMs).length >= perWindowMax) return 'too-often';
    if (!offers.get(offer.peer) && offers.all.length >= offersMax) {
      expire();
      if (offers.all.length >= offersMax) return 'full';
    }
    return 'fresh';
  };

  const keep = (offer: Offer, envelope: Envelope, now: number) => {
    const admittedAt = (heard.get(offer.peer)?.admittedAt ?? []).filter((at) => at > now - windowMs);
    heard.delete(offer.peer);
    heard.set(offer.peer, {
      seq: offer.seq,
      forgetAt: offer.issuedAt + wire.offerTtlMsMax + clockSkewMs,
      admittedAt: [...admittedAt, now],
    });
    if (offer.draining && offer.models.length === 0) remove(offer.peer);
    else {
      const expiresAt = Math.min(now, offer.issuedAt + clockSkewMs) + offer.ttlMs;
      const entry = { offer, envelope, receivedAt: now, expiresAt };
      offers.put(entry);
      changes.emit({ type: 'offer', entry });
    }
    trim();
  };

  return {
    consider(offer, envelope) {
      const now = clock.now();
      const admission = checkFreshness(offer, now);
      if (admission === 'fresh') keep(offer, envelope, now);
      return admission;
    },
    checkFreshness: (offer) => checkFreshness(offer, clock.now()),
    remove,
    get(peer) {
      const entry = offers.get(peer);
      return entry && entry.expiresAt > clock.now() ? entry : undefined;
    },
    entries() {
      const now = clock.now();
      return offers.all.filter((entry) => entry.expiresAt > now);
    },
    serving: offers.serving,
    get size() {
      return offers.all.length;
    },
    expire,
    onChange: changes.listen,
  };
}
