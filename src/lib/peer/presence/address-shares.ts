import type { Clock } from '#lib/base/clock.ts';
import { createTokenBuckets, type BucketLimits } from '#lib/base/token-buckets.ts';
import type { Directory } from '#lib/market/spec.ts';
import { hostOfAddress, labellerOf, machineOfHost, zoneOfHost } from '#lib/market/zone.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import type { Offer } from '#lib/protocol/offer.ts';

/**
 * What the peers of one address may use of a relay together, or of the directory of a client, and those of its zone (the /24
 * or the /48) four times over: keys are free and addresses are not. A place is the multiaddr that a connection proves, or a
 * zone that a relay labels. A peer without either, such as one in this process or behind another relay, is not limited here.
 */
export interface AddressShares {
  /** Takes an offer before it is read, by its size; false when the share is used up. */
  takeOffer(place: string | undefined, sizeBytes: number): boolean;
  /** Whether the directory has room for what this peer offers, beside the others of its address. */
  hasRoom(place: string | undefined, offer: Offer): boolean;
  /** Takes a find stream; undefined when there are too many, or too many have been opened. */
  openStream(place: string | undefined): { readonly release: () => void } | undefined;
  /** Counts bytes that are to be sent; returns for how many milliseconds they must wait. */
  chargeBytes(place: string | undefined, sizeBytes: number): number;
}

const KiB = 1024;

/** Of one address. A school shares one: some hundred tabs, few models, and all of them reconnect at once. */
export const addressLimits = {
  zoneFactor: 4,
  /** An offer counts as at least 1 KiB, which is what one of a tab has. */
  offerBytes: { burst: 256 * KiB, perSecond: 24 * KiB },
  offersMax: 128,
  /** Different models over all offers; the same model counts once. */
  modelsMax: 64,
  /** Of as many peers as may be connected, each with one of everything and one of a search. */
  streamsMax: 512,
  streamOpenings: { burst: 512, perSecond: 20 },
  findBytes: { burst: 2 * KiB * KiB, perSecond: KiB * KiB },
} as const;

const sharesMax = 16_384;
const offerBytesMin = KiB;

export function createAddressShares({
  clock,
  directory,
}: {
  readonly clock: Clock;
  readonly directory: Directory;
}): AddressShares {
  const { zoneFactor, offersMax, modelsMax, streamsMax } = addressLimits;
  const offerBytes = createLevels(clock, addressLimits.offerBytes);
  const openings = createLevels(clock, addressLimits.streamOpenings);
  const findBytes = createLevels(clock, addressLimits.findBytes);
  const streams = createCounts();
  const models = new Map<string, ReturnType<typeof createCounts>>();
  const offers = createCounts();
  const listed = new Map<PeerId, { readonly shares: readonly string[]; readonly models: readonly string[] }>();
  /** Of the offer that is being considered now. */
  let considered: { readonly peer: PeerId; readonly shares: readonly string[] } | undefined;

  const modelsIn = (share: string) => models.get(share) ?? createCounts();
  const forget = (peer: PeerId) => {
    const known = listed.get(peer);
    listed.delete(peer);
    for (const share of known?.shares ?? []) {
      offers.add(share, -1);
      const counts = modelsIn(share);
      for (const model of known?.models ?? []) counts.add(model, -1);
      if (counts.size === 0) models.delete(share);
    }
  };
  const list = (offer: Offer, shares: readonly string[]) => {
    const names = [...new Set(offer.models.map(modelKey))];
    listed.set(offer.peer, { shares, models: names });
    for (const share of shares) {
      offers.add(share, 1);
      const counts = modelsIn(share);
      for (const model of names) counts.add(model, 1);
      models.set(share, counts);
    }
  };
  directory.onChange((change) => {
    const peer = change.type === 'gone' ? change.peer : change.entry.offer.peer;
    const shares = considered?.peer === peer ? considered.shares : listed.get(peer)?.shares;
    forget(peer);
    if (change.type === 'offer' && shares) list(change.entry.offer, shares);
  });

  return {
    takeOffer: (place, sizeBytes) =>
      sharesOf(place).every((share, level) => offerBytes[level]!.take(share, Math.max(offerBytesMin, sizeBytes))),
    hasRoom(place, offer) {
      const shares = sharesOf(place);
      considered = { peer: offer.peer, shares };
      const own = listed.get(offer.peer);
      return shares.every((share, level) => {
        const factor = level === 0 ? 1 : zoneFactor;
        const counts = modelsIn(share);
        const others = offers.of(share) - (own?.shares.includes(share) ? 1 : 0);
        const added = new Set(offer.models.map(modelKey).filter((model) => counts.of(model) === 0)).size;
        return others < offersMax * factor && (added === 0 || counts.size + added <= modelsMax * factor);
      });
    },
    openStream(place) {
      const shares = sharesOf(place);
      const isFull = shares.some((share, level) => streams.of(share) >= streamsMax * (level === 0 ? 1 : zoneFactor));
      if (isFull || !shares.every((share, level) => openings[level]!.take(share))) return undefined;
      for (const share of shares) streams.add(share, 1);
      return {
        release() {
          for (const share of shares) streams.add(share, -1);
        },
      };
    },
    chargeBytes: (place, sizeBytes) =>
      Math.max(0, ...sharesOf(place).map((share, level) => findBytes[level]!.charge(share, sizeBytes))),
  };
}

/** The machine, then its zone; none for a peer of which neither is known. What a relay labels is limited like a machine. */
export function sharesOf(place: string | undefined): readonly string[] {
  if (labellerOf(place) !== undefined) return [`label ${place}`];
  const host = place === undefined ? undefined : hostOfAddress(place);
  if (host === undefined) return [];
  return [machineOfHost(host) ?? host, `zone ${zoneOfHost(host) ?? host}`];
}

const createLevels = (clock: Clock, { burst, perSecond }: BucketLimits) =>
  [1, addressLimits.zoneFactor].map((factor) =>
    createTokenBuckets(clock, { burst: burst * factor, perSecond: perSecond * factor, sharesMax }),
  );

function createCounts() {
  const counts = new Map<string, number>();
  return {
    of: (key: string) => counts.get(key) ?? 0,
    get size() {
      return counts.size;
    },
    add(key: string, change: 1 | -1) {
      const count = (counts.get(key) ?? 0) + change;
      if (count > 0) counts.set(key, count);
      else counts.delete(key);
    },
  };
}

const modelKey = ({ artefact, name }: Offer['models'][number]) => `${artefact} ${name}`;
