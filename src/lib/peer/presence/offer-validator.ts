import { equalBytes } from '#lib/base/bytes.ts';
import type { Clock } from '#lib/base/clock.ts';
import type { Directory } from '#lib/market/spec.ts';
import type { Subscription } from '#lib/net/spec.ts';
import { encodeEnvelope, isSigned, type Envelope } from '#lib/protocol/envelope.ts';
import { peerIdFromKey, type PeerId } from '#lib/protocol/ids.ts';
import { limits } from '#lib/protocol/limits.ts';
import { decodeUnverifiedOffer } from '#lib/protocol/offer.ts';

/**
 * The verdict on an offer. `reject` counts against the peer that passed it on, since an honest peer runs the same checks;
 * `ignore` is for what honest peers send too: offers that are late, repeated, or more than a peer's share.
 */
type Verdict = 'accept' | 'ignore' | 'reject';

export interface OfferValidatorComponents {
  readonly directory: Directory;
  readonly clock: Clock;
  /** Whether the peer is a relay, which passes on what others have published. */
  readonly trusts: (source: PeerId) => boolean;
  /**
   * What to do with offers whose peer is not connected here and that no relay passed on. Keys cost nothing and connections
   * do: a relay takes none of them, or one connection could fill its directory. A peer that few others reach takes some, so
   * that it learns of workers without a relay.
   */
  readonly strangers: 'none' | 'few';
}

/** Validates the offers' topic: whose share an offer is counted in, whether that share is used up, then the offer itself. */
export function createOfferValidator(components: OfferValidatorComponents): Subscription['validate'] {
  const { directory, clock, trusts, strangers } = components;
  const quota = createOfferQuota(clock);

  return (message, from, { source, connected }) => {
    const isAccountable = connected || trusts(source);
    if (!isAccountable && strangers === 'none') return 'ignore';
    if (!quota.take(isAccountable ? from : `through ${source}`)) return source === from ? 'reject' : 'ignore';
    return admitGossip(directory, message, from);
  };
}

/** Admits a gossiped offer to the directory. `from` is the peer that published it: no peer publishes another's offer. */
export function admitGossip(directory: Directory, bytes: Uint8Array, from: PeerId): Verdict {
  let read: ReturnType<typeof decodeUnverifiedOffer>;
  try {
    read = decodeUnverifiedOffer(bytes);
  } catch {
    return 'reject';
  }
  const { offer, envelope } = read;
  if (offer.peer !== from) return 'reject';
  // A late or repeated offer is not worth the millisecond that its signature costs.
  if (directory.checkFreshness(offer) !== 'fresh') return 'ignore';
  if (!isSigned(envelope)) return 'reject';
  return directory.consider(offer, envelope) === 'fresh' ? 'accept' : 'ignore';
}

/** Admits an offer that a relay passed on. Nothing is taken on the relay's word: the signature is checked here. */
export function admitFound(
  directory: Directory,
  envelope: Envelope,
): { readonly peer: PeerId; readonly verdict: Verdict } {
  const peer = peerIdFromKey(envelope.key);
  const known = directory.get(peer)?.envelope;
  // The same offer also comes by gossip and through other relays; its signature need not be checked again.
  if (known && equalBytes(known.sig, envelope.sig) && equalBytes(known.payload, envelope.payload)) {
    return { peer, verdict: 'ignore' };
  }
  return { peer, verdict: admitGossip(directory, encodeEnvelope(envelope), peer) };
}

export const offerBurstMax = 2 * limits.offersPerWindowMax;
const refillPerMs = limits.offersPerWindowMax / limits.offerRateWindowMs;

/**
 * A token bucket a share, named by the peer that is accountable for it: it refills at the rate one peer may announce, and
 * holds twice a window's worth. It is asked before anything that costs, so that a flood uses up its own share only.
 */
function createOfferQuota(clock: Clock) {
  const shares = new Map<string, { readonly left: number; readonly atMs: number }>();

  return {
    /** Takes one from a share; false when it is used up. */
    take(share: string): boolean {
      const atMs = clock.elapsed();
      const before = shares.get(share) ?? { left: offerBurstMax, atMs };
      const left = Math.min(offerBurstMax, before.left + (atMs - before.atMs) * refillPerMs);
      // Deleted and set again, so that the share used longest ago comes first when room is needed.
      shares.delete(share);
      if (shares.size >= limits.directoryOffersMax) shares.delete(shares.keys().next().value!);
      shares.set(share, { left: left >= 1 ? left - 1 : left, atMs });
      return left >= 1;
    },
  };
}
