import { raceSignal } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { createEmitter } from '#lib/base/emitter.ts';
import { errorCode } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Random } from '#lib/base/random.ts';
import type { Startable } from '#lib/base/startable.ts';
import type { Directory } from '#lib/market/spec.ts';
import type { Net } from '#lib/net/spec.ts';
import { wireError } from '#lib/protocol/errors.ts';
import { encodeEnvelope } from '#lib/protocol/envelope.ts';
import { decodeFindFrame, encodeFindRequest, findProtocol, offersTopic, type FindFrame } from '#lib/protocol/find.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { limits } from '#lib/protocol/limits.ts';
import { decodeUnverifiedOffer } from '#lib/protocol/offer.ts';
import { admitFound } from './admit-offer.ts';
import { expireEverySecond } from './introduce.ts';
import { createGossipJudge } from './judge-gossip.ts';
import { createTimers } from '../timers.ts';

export interface FollowComponents {
  readonly net: Net;
  /** Filled with what the relays tell, every signature checked here. */
  readonly directory: Directory;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Relays to ask; by default those the net is connected to. */
  readonly relays?: (() => readonly PeerId[]) | undefined;
}

const backOffMs = { first: 250, max: 15_000 } as const;
const relaysMax = 4;

/** The asker's view of the network, and whether it stands in it. */
export interface Follower extends Startable {
  readonly listing: Listing;
}

/** Which relays say that they list this peer: what it published itself proves nothing. */
export interface Listing {
  readonly relays: readonly PeerId[];
  onChange(listener: (relays: readonly PeerId[]) => void): () => void;
}

/**
 * The asker's view of the network: one find stream to each connected relay, opened again when it ends, and the offers'
 * topic itself while the network is small. A relay cannot forge an offer, only hide one, and a second one shows it: a
 * peer is dropped when every relay that told of it has let it go.
 */
export function createFollower(components: FollowComponents): Follower {
  const { net, directory, clock } = components;
  const following = new Map<PeerId, AbortController>();
  const toldBy = new Map<PeerId, Set<PeerId>>();
  const small = new Set<PeerId>();
  const listedBy = new Set<PeerId>();
  const listings = createEmitter<readonly PeerId[]>();
  let life: AbortController | undefined;
  let startedAt = 0;
  let endListening: () => void = () => {};
  let endGossip: (() => void) | undefined;

  const relays = components.relays ?? (() => connectedRelays(net));
  const tend = () => {
    if (!life) return;
    const wanted = new Set(relays().slice(0, relaysMax));
    for (const [relay, stop] of following) {
      if (wanted.has(relay)) continue;
      stop.abort();
      following.delete(relay);
      noteListing(relay, 'unlisted');
    }
    for (const relay of wanted) {
      if (following.has(relay)) continue;
      const stop = new AbortController();
      following.set(relay, stop);
      void followRelay(relay, { ...components, take, signal: AbortSignal.any([stop.signal, life.signal]) });
    }
  };

  const take = (relay: PeerId, frame: FindFrame | 'lost') => {
    if (frame === 'lost') {
      small.delete(relay);
      noteListing(relay, 'unlisted');
      return listenToTopic();
    }
    switch (frame.t) {
      case 'hello':
        if (frame.network === 'small') small.add(relay);
        else small.delete(relay);
        // What this relay told before its stream broke is told again or has gone.
        for (const tellers of toldBy.values()) tellers.delete(relay);
        noteListing(relay, 'unlisted');
        return listenToTopic();
      case 'sample':
        for (const offer of frame.offers) hear(relay, offer);
        return;
      case 'offer':
        return hear(relay, frame.offer);
      case 'gone':
        return letGo(relay, frame.peer);
      case 'alive':
        return;
    }
  };
  const hear = (relay: PeerId, offer: Parameters<typeof admitFound>[1]) => {
    const { peer, verdict } = admitFound(directory, offer);
    if (peer === net.self && verdict !== 'reject' && isOfNow(offer)) noteListing(relay, 'listed');
    if (verdict === 'reject' || peer === net.self) return;
    if (!directory.get(peer)) return void toldBy.delete(peer);
    const tellers = toldBy.get(peer) ?? new Set();
    toldBy.set(peer, tellers.add(relay));
  };
  const letGo = (relay: PeerId, peer: PeerId) => {
    const tellers = toldBy.get(peer);
    if (peer === net.self) noteListing(relay, 'unlisted');
    if (peer === net.self || !tellers?.delete(relay) || tellers.size > 0) return;
    toldBy.delete(peer);
    directory.remove(peer);
  };
  /** Not what this peer said before it was started again, which relays list until it has run out. */
  const isOfNow = (envelope: Parameters<typeof admitFound>[1]) => {
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
  const listenToTopic = () => {
    if (life && small.size > 0) {
      endGossip ??= net.subscribe(offersTopic, {
        validate: createGossipJudge({
          directory,
          clock,
          trusts: (source) => following.has(source),
          strangers: 'few',
        }),
        deliver: () => undefined,
      });
    } else {
      endGossip?.();
      endGossip = undefined;
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
      if (life) return;
      life = new AbortController();
      startedAt = Math.floor(clock.now());
      const ends = [
        net.onStatus(tend),
        directory.onChange((change) => {
          if (change.type === 'gone') toldBy.delete(change.peer);
        }),
      ];
      endListening = () => ends.forEach((end) => end());
      void expireEverySecond(directory, clock, life.signal);
      tend();
    },
    async stop() {
      if (!life) return;
      endListening();
      life.abort();
      life = undefined;
      for (const stop of following.values()) stop.abort();
      following.clear();
      small.clear();
      toldBy.clear();
      for (const relay of listedBy) noteListing(relay, 'unlisted');
      listenToTopic();
    },
  };
}

interface Following extends FollowComponents {
  readonly take: (relay: PeerId, frame: FindFrame | 'lost') => void;
  readonly signal: AbortSignal;
}

/** Stream after stream to one relay, with a growing pause between those that told nothing. */
async function followRelay(relay: PeerId, following: Following): Promise<void> {
  const { clock, random, logger, take, signal } = following;
  for (let pauseMs: number = backOffMs.first; !signal.aborted;) {
    let frames = 0;
    try {
      await readStream(relay, following, (frame) => {
        frames += 1;
        take(relay, frame);
      });
    } catch (error) {
      if (!signal.aborted) logger.info('find-lost', { relay, code: errorCode(error) });
    }
    take(relay, 'lost');
    pauseMs = frames > 0 ? backOffMs.first : Math.min(backOffMs.max, pauseMs * 2);
    await clock.delay(pauseMs * (0.5 + random.float()), { signal }).catch(() => undefined);
  }
}

const ofSilence = new Set(['silence'] as const);

async function readStream(
  relay: PeerId,
  { net, clock, signal }: Following,
  take: (frame: FindFrame) => void,
): Promise<void> {
  const over = new AbortController();
  const within = AbortSignal.any([signal, over.signal]);
  const timers = createTimers<'silence'>({
    clock,
    spared: ofSilence,
    onFire: () => over.abort(wireError('peer-lost', 'The relay has fallen silent.')),
  });
  timers.arm('silence', limits.findSilenceTimeoutMs);
  let channel: Awaited<ReturnType<Net['open']>> | undefined;
  try {
    channel = await net.open(relay, findProtocol, { signal: within });
    await channel.send(encodeFindRequest({ limit: limits.findLimitMax }), { signal: within });
    const frames = channel[Symbol.asyncIterator]();
    for (;;) {
      const next = await raceSignal(frames.next(), within);
      if (next.done) return;
      timers.arm('silence', limits.findSilenceTimeoutMs);
      const frame = decodeFindFrame(next.value);
      if (frame.t !== 'unknown') take(frame);
    }
  } finally {
    timers.stop();
    channel?.abort(wireError('cancelled'));
  }
}

const connectedRelays = (net: Net): readonly PeerId[] => [
  ...new Set(
    net
      .status()
      .relays.flatMap(({ peer, state }) => (peer && (state === 'connected' || state === 'reserved') ? [peer] : [])),
  ),
];
