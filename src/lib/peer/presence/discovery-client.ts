import type { Clock } from '#lib/base/clock.ts';
import { createEmitter } from '#lib/base/emitter.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Random } from '#lib/base/random.ts';
import type { Startable } from '#lib/base/startable.ts';
import type { Directory } from '#lib/market/spec.ts';
import { labelledZone, type Zone } from '#lib/market/zone.ts';
import { createDenyList, denyLimits } from '#lib/net/deny-list.ts';
import type { Net } from '#lib/net/spec.ts';
import { encodeEnvelope, type Envelope } from '#lib/protocol/envelope.ts';
import {
  offersTopic,
  shardOf,
  shardsOf,
  type FindFrame,
  type FindRequest,
  type NetworkSize,
} from '#lib/protocol/find.ts';
import type { ArtefactId, PeerId } from '#lib/protocol/ids.ts';
import { limits } from '#lib/protocol/limits.ts';
import { decodeUnverifiedOffer, type Offer } from '#lib/protocol/offer.ts';
import { expireEverySecond } from './discovery-server.ts';
import { createAddressShares } from './address-shares.ts';
import { followRelay } from './follow-relay.ts';
import { admitFound, createOfferValidator } from './offer-validator.ts';
import { createZoneLabels } from './zone-labels.ts';

export interface DiscoveryClientComponents {
  readonly net: Net;
  /** Filled with the offers that relays pass on, every signature checked here. */
  readonly directory: Directory;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Relays to ask; by default those the net is connected to. */
  readonly relays?: (() => readonly PeerId[]) | undefined;
  /** Called with a relay's clock when a find stream to it begins. */
  readonly onRelayTime?: ((sample: RelayTime) => void) | undefined;
}

/** A relay's clock as its first frame told it, just now. */
export interface RelayTime {
  readonly relay: PeerId;
  /** Milliseconds since 1970. */
  readonly time: number;
  /** From the request to that frame. */
  readonly roundTripMs: number;
}

const relaysMax = 4;
/** Searches kept at a time: a relay serves four find streams per peer, and one of them tells of everything. */
const searchesMax = 2;
/** How long a search is kept after it was last asked for, so that what it found stays up to date. */
const searchKeepMs = 60_000;
/** Before a search may make room for another, if relays have not answered it. */
const searchTurnMs = 3_000;

export interface DiscoveryClient extends Startable {
  readonly listing: Listing;
  readonly search: Search;
  readonly audience: Audience;
  /** Where relays place the peers that are connected to them. */
  readonly labelled: (peer: PeerId) => Zone | undefined;
}

/** Topics on which relays and askers of this network expect the offers of a worker. */
export interface Audience {
  topicsFor(models: readonly { readonly artefact: ArtefactId }[]): readonly string[];
  onChange(listener: () => void): () => void;
}

/**
 * Asks the relays for offers that the directory does not hold, and keeps it up to date with them for a minute. Returns a
 * promise that resolves once they have answered, found or not; undefined if they have already, or are not asked now because
 * others are being searched for. Bounded by {@link searchesMax}; the caller bounds the wait.
 */
export type Search = (request: FindRequest) => Promise<void> | undefined;

/** The relays that list this peer by their own account; that it has published an offer proves nothing. */
export interface Listing {
  readonly relays: readonly PeerId[];
  onChange(listener: (relays: readonly PeerId[]) => void): () => void;
}

/** What is asked of every relay: everything, or one search. */
interface Wish {
  readonly request: FindRequest;
  /** One stream to each relay. */
  readonly streams: Map<PeerId, Followed>;
  askedMs: number;
}

interface Followed {
  readonly relay: PeerId;
  readonly wish: Wish;
  readonly stop: AbortController;
  /** Resolved once the relay has sent a sample, or the stream has ended. */
  readonly answered: PromiseWithResolvers<void>;
  isAnswered: boolean;
  /** How many offers there are of what is wished for, by the relay's account. */
  network: NetworkSize | undefined;
  /** The last `seq` of each peer that came on the present stream. */
  readonly lastSeqs: Map<PeerId, number>;
}

/**
 * Keeps the directory of a peer that asks relays: one find stream to each connected relay, opened again when it ends, more
 * of them while something is searched for, and the offers' topic itself while the network is small. A relay cannot forge an
 * offer, only withhold it, and a second relay makes up for that: a peer is dropped once every stream that reported it has
 * reported it gone. What a relay forges, or brings back after having sent something newer, counts against the relay alone:
 * after several it is asked no more for a while.
 */
export function createDiscoveryClient(components: DiscoveryClientComponents): DiscoveryClient {
  const { net, directory, clock } = components;
  const everything: Wish = { request: { limit: limits.findLimitMax }, streams: new Map(), askedMs: 0 };
  const searches = new Map<string, Wish>();
  const denied = createDenyList(clock);
  const reportedBy = new Map<PeerId, Set<Followed>>();
  const listedBy = new Set<PeerId>();
  const listings = createEmitter<readonly PeerId[]>();
  let lifetime: AbortController | undefined;
  let startedAt = 0;
  let endListening: () => void = () => {};
  const subscriptions = new Map<string, () => void>();
  const labels = createZoneLabels();
  const shares = createAddressShares({ clock, directory });
  const audienceChanged = createEmitter<void>();

  const relays = components.relays ?? (() => connectedRelays(net));
  const wantedRelays = () =>
    new Set(
      relays()
        .filter((relay) => !denied.denies(relay))
        .slice(0, relaysMax),
    );
  const reconcile = () => {
    // Before the net runs a stream could only fail, and be opened again after a pause.
    if (!lifetime || net.status().state === 'stopped') return;
    const wanted = wantedRelays();
    for (const wish of [everything, ...searches.values()]) {
      for (const followed of wish.streams.values()) if (!wanted.has(followed.relay)) leave(followed);
      for (const relay of wanted) if (!wish.streams.has(relay)) follow(relay, wish, lifetime.signal);
    }
  };
  const follow = (relay: PeerId, wish: Wish, signal: AbortSignal) => {
    const followed: Followed = {
      relay,
      wish,
      stop: new AbortController(),
      answered: Promise.withResolvers(),
      isAnswered: false,
      network: undefined,
      lastSeqs: new Map(),
    };
    wish.streams.set(relay, followed);
    void followRelay(relay, {
      ...components,
      request: wish.request,
      signal: AbortSignal.any([followed.stop.signal, signal]),
      onFrame: (frame, waitedMs) => onFrame(followed, frame, waitedMs),
    });
  };
  const leave = (followed: Followed) => {
    followed.stop.abort();
    followed.wish.streams.delete(followed.relay);
    forgetReports(followed);
    onLost(followed);
  };

  /** A peer that it alone reported is left to expire. */
  const forgetReports = (followed: Followed) => {
    for (const reporters of reportedBy.values()) reporters.delete(followed);
    followed.lastSeqs.clear();
    if (followed.wish === everything) labels.forget(followed.relay);
    if (followed.wish === everything) noteListing(followed.relay, 'unlisted');
  };
  const onLost = (followed: Followed) => {
    noteAnswered(followed);
    noteNetwork(followed, undefined);
    if (followed.wish === everything) noteListing(followed.relay, 'unlisted');
  };
  const noteAnswered = (followed: Followed) => {
    followed.isAnswered = true;
    followed.answered.resolve();
  };
  const blame = (relay: PeerId) => {
    if (!denied.reject(relay)) return;
    components.logger.warn('relay-denied', { relay });
    reconcile();
    clock
      .delay(denyLimits.denyMs, { signal: lifetime?.signal })
      .then(reconcile)
      .catch(() => undefined);
  };

  const onFrame = (followed: Followed, frame: FindFrame | 'lost', waitedMs: number) => {
    const { relay, wish } = followed;
    // It may have been given up in the middle of a sample.
    if (wish.streams.get(relay) !== followed) return;
    if (frame === 'lost') return onLost(followed);
    switch (frame.t) {
      case 'hello':
        // What was reported before the stream broke is reported again, or has gone.
        forgetReports(followed);
        if (frame.time !== undefined) components.onRelayTime?.({ relay, time: frame.time, roundTripMs: waitedMs });
        return noteNetwork(followed, frame.network);
      case 'network':
        return noteNetwork(followed, frame.network);
      case 'sample':
        for (const [at, offer] of frame.offers.entries()) onOffer(followed, offer, frame.zones?.[at]);
        return noteAnswered(followed);
      case 'offer':
        return onOffer(followed, frame.offer, frame.zone);
      case 'gone':
        return onGone(followed, frame.peer);
      case 'alive':
        return;
    }
  };
  const onOffer = (followed: Followed, offer: Envelope, label: string | undefined) => {
    const { relay, wish } = followed;
    if (wish.streams.get(relay) !== followed) return;
    const hasRoom = (one: Offer) => shares.hasRoom(label ? labelledZone(relay, label) : undefined, one);
    const { peer, seq, verdict } = admitFound(directory, offer, hasRoom);
    if (seq === undefined || verdict === 'reject' || isReplay(followed, peer, seq)) return blame(relay);
    if (peer === net.self && isCurrent(offer)) noteListing(relay, 'listed');
    if (peer === net.self) return;
    if (!directory.get(peer)) return void reportedBy.delete(peer);
    labels.note(relay, peer, label);
    const reporters = reportedBy.get(peer) ?? new Set();
    reportedBy.set(peer, reporters.add(followed));
  };
  /**
   * Whether the relay has sent a newer offer of this peer before, on the same stream. Its date proves nothing: offers wait in
   * a tab that sleeps, and clocks go wrong.
   */
  const isReplay = ({ lastSeqs }: Followed, peer: PeerId, seq: number): boolean => {
    if (seq < (lastSeqs.get(peer) ?? 0)) return true;
    lastSeqs.delete(peer);
    lastSeqs.set(peer, seq);
    if (lastSeqs.size > limits.directoryOffersMax) lastSeqs.delete(lastSeqs.keys().next().value!);
    return false;
  };
  const onGone = (followed: Followed, peer: PeerId) => {
    const reporters = reportedBy.get(peer);
    if (peer === net.self) noteListing(followed.relay, 'unlisted');
    if (peer === net.self || !reporters?.delete(followed) || reporters.size > 0) return;
    reportedBy.delete(peer);
    directory.remove(peer);
  };
  /** Whether this run of the peer made the offer: relays list the one of the run before until it expires. */
  const isCurrent = (envelope: Envelope) => {
    const { issuedAt, draining, models } = decodeUnverifiedOffer(encodeEnvelope(envelope)).offer;
    return issuedAt >= startedAt && !draining && models.length > 0;
  };
  const noteListing = (relay: PeerId, state: 'listed' | 'unlisted') => {
    const changed = state === 'listed' ? !listedBy.has(relay) : listedBy.has(relay);
    if (!changed) return;
    if (state === 'listed') listedBy.add(relay);
    else listedBy.delete(relay);
    listings.emit([...listedBy]);
  };
  const noteNetwork = (followed: Followed, network: NetworkSize | undefined) => {
    if (followed.network === network) return;
    followed.network = network;
    updateSubscriptions();
    if (followed.wish === everything) audienceChanged.emit();
  };
  const validatorOf = createOfferValidator({
    directory,
    clock,
    trusts: (source) => everything.streams.has(source),
    strangers: 'few',
    shares,
    placeOf: labels.zoneOf,
  });
  /** While there are few offers of what is wished for, they are followed by their topic too, without any relay's help. */
  const updateSubscriptions = () => {
    const wishes = lifetime ? [everything, ...searches.values()] : [];
    const wanted = new Set(wishes.filter(isSmall).flatMap(topicOf));
    for (const [topic, unsubscribe] of subscriptions) {
      if (wanted.has(topic)) continue;
      subscriptions.delete(topic);
      unsubscribe();
    }
    for (const topic of wanted) {
      if (subscriptions.has(topic)) continue;
      subscriptions.set(topic, net.subscribe(topic, { validate: validatorOf(topic), deliver: () => undefined }));
    }
  };
  const audience: Audience = {
    topicsFor(models) {
      const sizes = [...everything.streams.values()].flatMap(({ network }) => network ?? []);
      const isLarge = sizes.some((size) => size !== 'small');
      return [
        ...(isLarge ? shardsOf(models) : []),
        ...(sizes.length === 0 || sizes.includes('small') ? [offersTopic] : []),
      ];
    },
    onChange: audienceChanged.listen,
  };

  const search: Search = (request) => {
    if (!lifetime) return undefined;
    const key = JSON.stringify(request);
    const wish = searches.get(key) ?? startSearch(key, request, lifetime.signal);
    if (!wish) return undefined;
    wish.askedMs = clock.elapsed();
    const asked = [...wish.streams.values()].filter(({ isAnswered }) => !isAnswered);
    return asked.length === 0 ? undefined : Promise.all(asked.map(({ answered }) => answered.promise)).then(() => {});
  };
  const startSearch = (key: string, request: FindRequest, signal: AbortSignal): Wish | undefined => {
    if (searches.size >= searchesMax && !makeRoom()) return undefined;
    const wish: Wish = { request, streams: new Map(), askedMs: clock.elapsed() };
    searches.set(key, wish);
    for (const relay of wantedRelays()) follow(relay, wish, signal);
    endWhenUnused(key, wish, signal).catch(() => undefined);
    return wish;
  };
  /** Ends the search that was asked for least recently, unless relays are still answering it. */
  const makeRoom = (): boolean => {
    const [oldest] = [...searches].toSorted(([, a], [, b]) => a.askedMs - b.askedMs);
    const [key, wish] = oldest!;
    const isPending = [...wish.streams.values()].some(({ isAnswered }) => !isAnswered);
    if (isPending && clock.elapsed() - wish.askedMs < searchTurnMs) return false;
    endSearch(key, wish);
    return true;
  };
  const endSearch = (key: string, wish: Wish) => {
    if (searches.get(key) === wish) searches.delete(key);
    for (const followed of wish.streams.values()) leave(followed);
  };
  const endWhenUnused = async (key: string, wish: Wish, signal: AbortSignal) => {
    for (let leftMs = searchKeepMs; leftMs > 0; leftMs = wish.askedMs + searchKeepMs - clock.elapsed())
      await clock.delay(leftMs, { signal });
    endSearch(key, wish);
  };

  return {
    search,
    audience,
    labelled: labels.zoneOf,
    listing: {
      get relays() {
        return [...listedBy];
      },
      onChange: listings.listen,
    },
    async start() {
      if (lifetime) return;
      lifetime = new AbortController();
      startedAt = Math.floor(clock.now());
      const ends = [
        net.onStatus(reconcile),
        directory.onChange((change) => {
          if (change.type === 'gone') reportedBy.delete(change.peer);
        }),
      ];
      endListening = () => ends.forEach((end) => end());
      void expireEverySecond(directory, clock, lifetime.signal);
      reconcile();
    },
    async stop() {
      if (!lifetime) return;
      endListening();
      lifetime.abort();
      lifetime = undefined;
      for (const [key, wish] of searches) endSearch(key, wish);
      for (const followed of everything.streams.values()) leave(followed);
      reportedBy.clear();
      updateSubscriptions();
    },
  };
}

const isSmall = ({ streams }: Wish): boolean => [...streams.values()].some(({ network }) => network === 'small');

/** A search without an artefact may find offers on any topic, and is left to the relays. */
function topicOf({ request: { artefact, name, kind } }: Wish): readonly string[] {
  if (artefact !== undefined) return [shardOf(artefact)];
  return name === undefined && kind === undefined ? [offersTopic] : [];
}

export const connectedRelays = (net: Net): readonly PeerId[] => [
  ...new Set(
    net
      .status()
      .relays.flatMap(({ peer, state }) => (peer && (state === 'connected' || state === 'reserved') ? [peer] : [])),
  ),
];
