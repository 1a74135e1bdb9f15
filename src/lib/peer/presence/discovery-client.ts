import { raceSignal } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { createEmitter } from '#lib/base/emitter.ts';
import { errorCode } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Random } from '#lib/base/random.ts';
import type { Startable } from '#lib/base/startable.ts';
import type { Directory } from '#lib/market/spec.ts';
import { createDenyList, denyLimits } from '#lib/net/deny-list.ts';
import type { Net } from '#lib/net/spec.ts';
import { wireError } from '#lib/protocol/errors.ts';
import { encodeEnvelope, type Envelope } from '#lib/protocol/envelope.ts';
import { decodeFindFrame, encodeFindRequest, findProtocol, offersTopic, type FindFrame } from '#lib/protocol/find.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { limits } from '#lib/protocol/limits.ts';
import { decodeUnverifiedOffer } from '#lib/protocol/offer.ts';
import { createTimers } from '../timers.ts';
import { expireEverySecond } from './discovery-server.ts';
import { admitFound, createOfferValidator } from './offer-validator.ts';

export interface DiscoveryClientComponents {
  readonly net: Net;
  /** Filled with the offers that relays pass on, every signature checked here. */
  readonly directory: Directory;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Relays to ask; by default those the net is connected to. */
  readonly relays?: (() => readonly PeerId[]) | undefined;
}

const backOffMs = { first: 250, max: 15_000 } as const;
const relaysMax = 4;

export interface DiscoveryClient extends Startable {
  readonly listing: Listing;
}

/** The relays that list this peer by their own account; that it has published an offer proves nothing. */
export interface Listing {
  readonly relays: readonly PeerId[];
  onChange(listener: (relays: readonly PeerId[]) => void): () => void;
}

/**
 * Keeps the directory of a peer that asks relays: one find stream to each connected relay, opened again when it ends, and
 * the offers' topic itself while the network is small. A relay cannot forge an offer, only withhold it, and a second relay
 * makes up for that: a peer is dropped once every relay that reported it has reported it gone. What a relay forges, or
 * brings back after having sent something newer, counts against the relay alone: after several it is asked no more for a while.
 */
export function createDiscoveryClient(components: DiscoveryClientComponents): DiscoveryClient {
  const { net, directory, clock } = components;
  const following = new Map<PeerId, AbortController>();
  const denied = createDenyList(clock);
  const reportedBy = new Map<PeerId, Set<PeerId>>();
  /** The last `seq` of each peer that a relay has sent on its present stream. */
  const lastSeqs = new Map<PeerId, Map<PeerId, number>>();
  const smallNetworks = new Set<PeerId>();
  const listedBy = new Set<PeerId>();
  const listings = createEmitter<readonly PeerId[]>();
  let lifetime: AbortController | undefined;
  let startedAt = 0;
  let endListening: () => void = () => {};
  let unsubscribe: (() => void) | undefined;

  const relays = components.relays ?? (() => connectedRelays(net));
  const reconcile = () => {
    if (!lifetime) return;
    const wanted = new Set(
      relays()
        .filter((relay) => !denied.denies(relay))
        .slice(0, relaysMax),
    );
    for (const [relay, stop] of following) {
      if (wanted.has(relay)) continue;
      stop.abort();
      following.delete(relay);
      forgetReports(relay);
    }
    for (const relay of wanted) {
      if (following.has(relay)) continue;
      const stop = new AbortController();
      following.set(relay, stop);
      void followRelay(relay, { ...components, onFrame, signal: AbortSignal.any([stop.signal, lifetime.signal]) });
    }
  };

  /** A peer that it alone reported is left to expire. */
  const forgetReports = (relay: PeerId) => {
    for (const reporters of reportedBy.values()) reporters.delete(relay);
    lastSeqs.delete(relay);
    noteListing(relay, 'unlisted');
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

  const onFrame = (relay: PeerId, frame: FindFrame | 'lost') => {
    if (frame === 'lost') {
      smallNetworks.delete(relay);
      noteListing(relay, 'unlisted');
      return updateSubscription();
    }
    switch (frame.t) {
      case 'hello':
        if (frame.network === 'small') smallNetworks.add(relay);
        else smallNetworks.delete(relay);
        // What this relay reported before its stream broke, it reports again, or it has gone.
        forgetReports(relay);
        return updateSubscription();
      case 'sample':
        for (const offer of frame.offers) onOffer(relay, offer);
        return;
      case 'offer':
        return onOffer(relay, frame.offer);
      case 'gone':
        return onGone(relay, frame.peer);
      case 'alive':
        return;
    }
  };
  const onOffer = (relay: PeerId, offer: Envelope) => {
    // It may have been given up in the middle of a sample.
    if (!following.has(relay)) return;
    const { peer, seq, verdict } = admitFound(directory, offer);
    if (seq === undefined || verdict === 'reject' || isReplay(relay, peer, seq)) return blame(relay);
    if (peer === net.self && isCurrent(offer)) noteListing(relay, 'listed');
    if (peer === net.self) return;
    if (!directory.get(peer)) return void reportedBy.delete(peer);
    const reporters = reportedBy.get(peer) ?? new Set();
    reportedBy.set(peer, reporters.add(relay));
  };
  /**
   * Whether the relay has sent a newer offer of this peer before. Its date proves nothing: offers wait in a tab that sleeps,
   * and clocks go wrong.
   */
  const isReplay = (relay: PeerId, peer: PeerId, seq: number): boolean => {
    const last = lastSeqs.get(relay) ?? new Map<PeerId, number>();
    if (seq < (last.get(peer) ?? 0)) return true;
    lastSeqs.set(relay, last);
    last.delete(peer);
    last.set(peer, seq);
    if (last.size > limits.directoryOffersMax) last.delete(last.keys().next().value!);
    return false;
  };
  const onGone = (relay: PeerId, peer: PeerId) => {
    const reporters = reportedBy.get(peer);
    if (peer === net.self) noteListing(relay, 'unlisted');
    if (peer === net.self || !reporters?.delete(relay) || reporters.size > 0) return;
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
  const updateSubscription = () => {
    if (lifetime && smallNetworks.size > 0) {
      unsubscribe ??= net.subscribe(offersTopic, {
        validate: createOfferValidator({
          directory,
          clock,
          trusts: (source) => following.has(source),
          strangers: 'few',
        }),
        deliver: () => undefined,
      });
    } else {
      unsubscribe?.();
      unsubscribe = undefined;
    }
  };

  return {
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
      for (const stop of following.values()) stop.abort();
      following.clear();
      smallNetworks.clear();
      reportedBy.clear();
      lastSeqs.clear();
      for (const relay of listedBy) noteListing(relay, 'unlisted');
      updateSubscription();
    },
  };
}

interface RelayStream extends DiscoveryClientComponents {
  readonly onFrame: (relay: PeerId, frame: FindFrame | 'lost') => void;
  readonly signal: AbortSignal;
}

/** Opens one stream after the other to a relay, with a growing pause between those that brought nothing. */
async function followRelay(relay: PeerId, stream: RelayStream): Promise<void> {
  const { clock, random, logger, onFrame, signal } = stream;
  for (let pauseMs: number = backOffMs.first; !signal.aborted;) {
    let frames = 0;
    try {
      await readStream(relay, stream, (frame) => {
        frames += 1;
        onFrame(relay, frame);
      });
    } catch (error) {
      if (!signal.aborted) logger.info('find-lost', { relay, code: errorCode(error) });
    }
    onFrame(relay, 'lost');
    pauseMs = frames > 0 ? backOffMs.first : Math.min(backOffMs.max, pauseMs * 2);
    await clock.delay(pauseMs * (0.5 + random.float()), { signal }).catch(() => undefined);
  }
}

async function readStream(
  relay: PeerId,
  { net, clock, signal }: RelayStream,
  onFrame: (frame: FindFrame) => void,
): Promise<void> {
  const over = new AbortController();
  const ended = AbortSignal.any([signal, over.signal]);
  const timers = createTimers<'silence'>({
    clock,
    spared: new Set(['silence'] as const),
    onFire: () => over.abort(wireError('peer-lost', 'The relay has stopped sending.')),
  });
  timers.arm('silence', limits.findSilenceTimeoutMs);
  let channel: Awaited<ReturnType<Net['open']>> | undefined;
  try {
    channel = await net.open(relay, findProtocol, { signal: ended });
    await channel.send(encodeFindRequest({ limit: limits.findLimitMax }), { signal: ended });
    const frames = channel[Symbol.asyncIterator]();
    for (;;) {
      const next = await raceSignal(frames.next(), ended);
      if (next.done) return;
      timers.arm('silence', limits.findSilenceTimeoutMs);
      const frame = decodeFindFrame(next.value);
      if (frame.t !== 'unknown') onFrame(frame);
    }
  } finally {
    timers.stop();
    channel?.abort(wireError('cancelled'));
  }
}

export const connectedRelays = (net: Net): readonly PeerId[] => [
  ...new Set(
    net
      .status()
      .relays.flatMap(({ peer, state }) => (peer && (state === 'connected' || state === 'reserved') ? [peer] : [])),
  ),
];
