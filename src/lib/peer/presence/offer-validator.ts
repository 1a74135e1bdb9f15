import { equalBytes } from '#lib/base/bytes.ts';
import type { Clock } from '#lib/base/clock.ts';
import { createTokenBuckets } from '#lib/base/token-buckets.ts';
import type { Directory } from '#lib/market/spec.ts';
import type { Zone } from '#lib/market/zone.ts';
import type { MessageRoute, Subscription } from '#lib/net/spec.ts';
import { encodeEnvelope, isSigned, type Envelope } from '#lib/protocol/envelope.ts';
import { offersTopic, shardsOf } from '#lib/protocol/find.ts';
import { peerIdFromKey, type PeerId } from '#lib/protocol/ids.ts';
import { limits } from '#lib/protocol/limits.ts';
import { decodeUnverifiedOffer, type Offer } from '#lib/protocol/offer.ts';
import type { AddressShares } from './address-shares.ts';

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
  /** What the peers of one address may use together; unlimited by default. */
  readonly shares?: AddressShares | undefined;
  /** Where a peer is that is not connected here, as a relay labels it; by default it is not known. */
  readonly placeOf?: ((peer: PeerId) => Zone | undefined) | undefined;
}

/** The last offer that was judged of a peer, and the topics on which it came. */
interface Judged {
  readonly message: Uint8Array;
  readonly verdict: Verdict;
  readonly topics: Set<string>;
}

/** A worker of a large network publishes an offer on several topics within moments. */
const judgedMax = 256;

/**
 * Validates a topic of offers: whose share an offer is counted in, whether that share is used up, then the offer itself. An
 * offer that came on another topic is passed on with the verdict it had there, once a topic.
 */
export function createOfferValidator(
  components: OfferValidatorComponents,
): (topic: string) => Subscription['validate'] {
  const { directory, clock, trusts, strangers, shares, placeOf } = components;
  const quota = createTokenBuckets(clock, offerQuota);
  const judged = new Map<PeerId, Judged>();
  /** A peer that is listed stays listed: its heartbeats cost as much as the directory's room for its address allows. */
  const isHeartbeat = (from: PeerId) => {
    const known = directory.get(from);
    return known !== undefined && clock.now() - known.receivedAt >= limits.offerHeartbeatMs / 2;
  };
  const judge = (topic: string, message: Uint8Array, from: PeerId, { source, connected, address }: MessageRoute) => {
    const isAccountable = connected || trusts(source);
    if (!isAccountable && strangers === 'none') return 'ignore';
    if (!quota.take(isAccountable ? from : `through ${source}`)) return source === from ? 'reject' : 'ignore';
    const place = address ?? placeOf?.(from);
    if (shares && !isHeartbeat(from) && !shares.takeOffer(place, message.length)) return 'ignore';
    return admitGossip(directory, message, from, {
      topic,
      hasRoom: (offer) => shares?.hasRoom(place, offer) ?? true,
    });
  };

  return (topic) => (message, from, route) => {
    const known = judged.get(from);
    if (known && !known.topics.has(topic) && equalBytes(known.message, message)) {
      known.topics.add(topic);
      const listed = directory.get(from)?.offer;
      return listed === undefined || belongsOn(topic, listed) ? known.verdict : 'reject';
    }
    const verdict = judge(topic, message, from, route);
    judged.delete(from);
    judged.set(from, { message, verdict, topics: new Set([topic]) });
    if (judged.size > judgedMax) judged.delete(judged.keys().next().value!);
    return verdict;
  };
}

interface Gossiped {
  readonly topic?: string;
  readonly hasRoom?: ((offer: Offer) => boolean) | undefined;
}

/** Admits a gossiped offer to the directory. `from` is the peer that published it: no peer publishes another's offer. */
export const admitGossip = (directory: Directory, bytes: Uint8Array, from: PeerId, gossiped: Gossiped = {}): Verdict =>
  admit(directory, bytes, from, gossiped).verdict;

/** `seq` of the offer, unless it could not be read. */
interface Admitted {
  readonly verdict: Verdict;
  readonly seq?: number;
}

function admit(
  directory: Directory,
  bytes: Uint8Array,
  from: PeerId,
  { topic = offersTopic, hasRoom = () => true }: Gossiped,
): Admitted {
  let read: ReturnType<typeof decodeUnverifiedOffer>;
  try {
    read = decodeUnverifiedOffer(bytes);
  } catch {
    return { verdict: 'reject' };
  }
  const { offer, envelope } = read;
  const { seq } = offer;
  if (offer.peer !== from || !belongsOn(topic, offer)) return { verdict: 'reject', seq };
  // A late or repeated offer is not worth the millisecond that its signature costs.
  if (directory.checkFreshness(offer) !== 'fresh' || !hasRoom(offer)) return { verdict: 'ignore', seq };
  if (!isSigned(envelope)) return { verdict: 'reject', seq };
  return { verdict: directory.consider(offer, envelope) === 'fresh' ? 'accept' : 'ignore', seq };
}

/** On a shard, an offer of which no model belongs there has no business, but for a goodbye, which names none. */
const belongsOn = (topic: string, { models }: Offer): boolean =>
  topic === offersTopic || models.length === 0 || shardsOf(models).includes(topic);

/** Admits an offer that a relay passed on. Nothing is taken on the relay's word: the signature is checked here. */
export function admitFound(
  directory: Directory,
  envelope: Envelope,
  hasRoom?: (offer: Offer) => boolean,
): Admitted & { readonly peer: PeerId } {
  const peer = peerIdFromKey(envelope.key);
  const known = directory.get(peer);
  // The same offer also comes by gossip and through other relays; its signature need not be checked again.
  if (known && equalBytes(known.envelope.sig, envelope.sig) && equalBytes(known.envelope.payload, envelope.payload)) {
    return { peer, verdict: 'ignore', seq: known.offer.seq };
  }
  return { peer, ...admit(directory, encodeEnvelope(envelope), peer, { hasRoom }) };
}

export const offerBurstMax = 2 * limits.offersPerWindowMax;

/** One share a peer: it refills at the rate a peer may announce, and is asked before anything that costs. */
const offerQuota = {
  burst: offerBurstMax,
  perSecond: (limits.offersPerWindowMax / limits.offerRateWindowMs) * 1_000,
  sharesMax: limits.directoryOffersMax,
} as const;
