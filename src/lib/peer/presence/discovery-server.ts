import { raceSignal } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { errorCode } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import { createNotifier } from '#lib/base/notifier.ts';
import type { Random } from '#lib/base/random.ts';
import type { Startable } from '#lib/base/startable.ts';
import { withTimeout } from '#lib/base/timeout.ts';
import { drawSample } from '#lib/market/sample.ts';
import type { Directory, DirectoryEntry, RouteQuery } from '#lib/market/spec.ts';
import type { Channel, Net } from '#lib/net/spec.ts';
import { wireError } from '#lib/protocol/errors.ts';
import {
  decodeFindRequest,
  encodeFindFrame,
  encodeSample,
  findProtocol,
  offersTopic,
  offerTopics,
  shardOf,
  type FindFrame,
  type FindRequest,
} from '#lib/protocol/find.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { OfferedModel } from '#lib/protocol/offer.ts';
import { build } from '#lib/protocol/version.ts';
import { createAddressShares, type AddressShares } from './address-shares.ts';
import { followRelay } from './follow-relay.ts';
import { createNetworkSizes, type NetworkSizes } from './network-size.ts';
import { admitFound, createOfferValidator } from './offer-validator.ts';
import { createZoneLabeller } from './zone-labels.ts';

export interface DiscoveryServerComponents {
  readonly net: Net;
  readonly directory: Directory;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Other relays, which may pass on the offers of peers that are not connected here; none by default. */
  readonly relays?: (() => readonly PeerId[]) | undefined;
  /** `large` however few offers there are; `small` by default. */
  readonly network?: (() => 'small' | 'large') | undefined;
}

/** Find streams a relay serves in all. */
export const streamsMax = 8_192;

/**
 * What a relay does besides carrying bytes: it validates gossiped offers before they are passed on, keeps the directory,
 * and answers find streams. A peer whose last connection to this relay has ended is removed at once; one that is alive
 * announces itself again. Other relays that it joins hand over a sample of their directories and then report who is gone:
 * the offer of a peer that dies at one would otherwise live on at all of them.
 */
export function createDiscoveryServer(components: DiscoveryServerComponents): Startable {
  const { net, directory, clock, logger } = components;
  const trusts = (source: PeerId) => components.relays?.().includes(source) ?? false;
  const counted = createNetworkSizes(directory);
  const sizes: NetworkSizes = {
    of: (topic) => (topic === offersTopic && components.network?.() === 'large' ? 'large' : counted.of(topic)),
  };
  const shares = createAddressShares({ clock, directory });
  const validatorOf = createOfferValidator({ directory, clock, trusts, strangers: 'none', shares });
  const streamsOf = new Map<PeerId, number>();
  let streams = 0;
  /** One stream to each other relay. */
  const joined = new Map<PeerId, AbortController>();
  const labelOf = createZoneLabeller(components.random);
  /** Peers that announce themselves here, and their zones: no other relay knows better whether they are gone. */
  const own = new Map<PeerId, string | undefined>();
  let lifetime: AbortController | undefined;
  let ends: readonly (() => void)[] = [];

  const handle = async (channel: Channel) => {
    const open = streamsOf.get(channel.remote) ?? 0;
    if (!lifetime || open >= limits.findStreamsPerPeerMax || streams >= streamsMax) {
      return channel.abort(wireError('busy'));
    }
    const place = shares.openStream(channel.address);
    if (!place) return channel.abort(wireError('busy'));
    streamsOf.set(channel.remote, open + 1);
    streams += 1;
    try {
      const isRelay = trusts(channel.remote);
      const labels = (peer: PeerId) => own.get(peer);
      await serveFind(channel, { ...components, sizes, shares, labels, isRelay, signal: lifetime.signal });
    } catch (error) {
      logger.info('find-ended', { code: errorCode(error) });
      throw error;
    } finally {
      place.release();
      streams -= 1;
      const left = (streamsOf.get(channel.remote) ?? 1) - 1;
      if (left > 0) streamsOf.set(channel.remote, left);
      else streamsOf.delete(channel.remote);
    }
  };

  const joinRelays = () => {
    if (!lifetime) return;
    const relays = new Set(components.relays?.());
    for (const [relay, left] of joined) {
      if (relays.has(relay)) continue;
      left.abort();
      joined.delete(relay);
    }
    for (const relay of relays) {
      if (joined.has(relay) || relay === net.self) continue;
      const left = new AbortController();
      joined.set(relay, left);
      void followRelay(relay, {
        ...components,
        request: { limit: limits.findLimitMax },
        signal: AbortSignal.any([lifetime.signal, left.signal]),
        onFrame: onRelayFrame,
      });
    }
  };
  /** Each signature is checked, as for any asker. */
  const onRelayFrame = (frame: FindFrame | 'lost') => {
    if (frame === 'lost') return;
    if (frame.t === 'sample') for (const offer of frame.offers) admitFound(directory, offer);
    if (frame.t === 'offer') admitFound(directory, frame.offer);
    if (frame.t === 'gone' && !own.has(frame.peer)) directory.remove(frame.peer);
  };
  const subscribe = (topic: string) => {
    const validate = validatorOf(topic);
    return net.subscribe(topic, {
      // It puts them into the directory.
      validate(message, from, route) {
        if (route.connected) own.set(from, labelOf(route.address));
        return validate(message, from, route);
      },
      deliver: () => undefined,
    });
  };
  const onPeerGone = (peer: PeerId) => {
    own.delete(peer);
    directory.remove(peer);
  };

  return {
    async start() {
      if (lifetime) return;
      lifetime = new AbortController();
      ends = [
        ...offerTopics.map(subscribe),
        net.handle(findProtocol, handle),
        net.onPeerGone(onPeerGone),
        net.onStatus(joinRelays),
      ];
      joinRelays();
      void expireEverySecond(directory, clock, lifetime.signal);
    },
    async stop() {
      for (const end of ends) end();
      ends = [];
      joined.clear();
      own.clear();
      lifetime?.abort();
      lifetime = undefined;
    },
  };
}

/** Removes expired offers from a directory until the signal aborts. */
export async function expireEverySecond(directory: Directory, clock: Clock, signal: AbortSignal): Promise<void> {
  try {
    for (;;) {
      await raceSignal(clock.delay(1_000, { signal }), signal);
      directory.expire();
    }
  } catch {
    // The signal has aborted.
  }
}

interface FindComponents extends DiscoveryServerComponents {
  readonly sizes: NetworkSizes;
  readonly shares: AddressShares;
  /** Of the zones of the peers that announce themselves here. */
  readonly labels: (peer: PeerId) => string | undefined;
  /** It is told of all who are gone: it has their offers by gossip. */
  readonly isRelay: boolean;
  readonly signal: AbortSignal;
}

/** An asker that takes no frame for this long is cut off; it connects again and reads a fresh sample. */
const stallMs = 20_000;

/**
 * One find stream: `hello`, a random sample of what the request asks for, then the changes for as long as the asker stays.
 * A change that is still unsent when the next one of the same peer comes is replaced by it, so a slow asker costs one entry
 * a peer. In a large network an asker is told of as many peers as it asked for, and of a new one when one has gone. It is
 * always told of its own offer, and so knows that it is listed.
 */
async function serveFind(channel: Channel, components: FindComponents): Promise<void> {
  const { net, directory, clock, random, sizes, shares, labels, isRelay } = components;
  const frames = channel[Symbol.asyncIterator]();
  const over = new AbortController();
  const signal = AbortSignal.any([components.signal, channel.closed, over.signal]);
  const pending = new Map<PeerId | 'network', FindFrame>();
  const reported = new Set<PeerId>();
  const changed = createNotifier();

  const keepalive = createKeepalive({
    clock,
    signal,
    intervalMs: limits.findAliveIntervalMs,
    stallMs,
    onQuiet: () => changed.notify(),
    onStall: () => over.abort(wireError('deadline')),
  });
  const send = async (body: Uint8Array) => {
    const waitMs = shares.chargeBytes(channel.address, body.length);
    if (waitMs > 0) await clock.delay(waitMs, { signal });
    await keepalive.send(() => channel.send(body, { signal }));
  };

  let endListening = () => {};
  try {
    const asked = await withTimeout(frames.next(), clock, limits.openFrameTimeoutMs, {
      signal,
      error: () => wireError('deadline'),
    });
    if (asked.done) return;
    const request = decodeFindRequest(asked.value);
    // Whatever else an asker sends, its end included, ends the stream.
    frames.next().then(
      (more) => over.abort(wireError(more.done ? 'peer-lost' : 'bad-frame')),
      (error) => over.abort(error),
    );
    const topic = request.artefact === undefined ? offersTopic : shardOf(request.artefact);
    let reportedSize = sizes.of(topic);
    const noteSize = () => {
      const size = sizes.of(topic);
      if (size === reportedSize) return;
      reportedSize = size;
      pending.set('network', { t: 'network', network: size });
    };
    endListening = directory.onChange((change) => {
      noteSize();
      const peer = change.type === 'gone' ? change.peer : change.entry.offer.peer;
      if (change.type === 'gone') {
        if (reported.delete(peer) || isRelay) pending.set(peer, { t: 'gone', peer });
        else pending.delete(peer);
      } else if (
        reported.has(peer) ||
        peer === channel.remote ||
        (matches(change.entry, request) && (sizes.of(topic) === 'small' || reported.size < request.limit))
      ) {
        reported.add(peer);
        const zone = labels(peer);
        pending.set(peer, { t: 'offer', offer: change.entry.envelope, ...(zone === undefined ? {} : { zone }) });
      }
      changed.notify();
    });
    const now = clock.now();
    const drawn = drawSample(directory.serving(modelOf(request)), request.limit, random, (entry) => {
      return entry.expiresAt > now && matches(entry, request);
    });
    const own = directory.get(channel.remote);
    const sample = own && !drawn.includes(own) ? [...drawn, own] : drawn;
    for (const { offer } of sample) reported.add(offer.peer);
    const time = Math.max(0, Math.floor(clock.now()));
    const hello = { t: 'hello', peer: net.self, build, network: reportedSize, peers: directory.size, time } as const;
    await send(encodeFindFrame(hello));
    const envelopes = sample.map(({ envelope }) => envelope);
    const zones = sample.map(({ offer }) => labels(offer.peer) ?? '');
    for (const frame of encodeSample(envelopes, zones)) await send(frame);
    for (;;) {
      const [next] = pending;
      if (next) {
        pending.delete(next[0]);
        await send(encodeFindFrame(next[1]));
      } else if (keepalive.isQuiet) await send(encodeFindFrame({ t: 'alive' }));
      else await changed.wait({ signal });
    }
  } catch (error) {
    // The asker has left: the normal end of a find stream.
    if (over.signal.aborted && over.signal.reason?.code === 'peer-lost') return;
    throw error;
  } finally {
    endListening();
    over.abort();
  }
}

const modelOf = ({ artefact, name }: FindRequest): RouteQuery['model'] => {
  if (artefact !== undefined) return { artefact };
  return name === undefined ? 'any' : { name };
};

function matches({ offer }: DirectoryEntry, { tier, ...wanted }: FindRequest): boolean {
  return (tier === undefined || offer.tiers.includes(tier)) && offer.models.some((model) => isWanted(model, wanted));
}

const isWanted = (model: OfferedModel, { artefact, name, kind, features = [] }: FindRequest): boolean =>
  (artefact === undefined || model.artefact === artefact) &&
  (name === undefined || model.name === name) &&
  (kind === undefined || model.kinds.includes(kind)) &&
  features.every((feature) => model.features.includes(feature));

/** Tracks one sending side: whether an `alive` is due, and whether a message is stuck. */
interface Keepalive {
  /** Nothing has been sent for the interval: an `alive` is due. */
  readonly isQuiet: boolean;
  /** Sends one message, after the one before. @throws as `sending` does, or the signal's coded error. */
  send(sending: () => Promise<void>): Promise<void>;
}

export interface KeepaliveOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly intervalMs: number;
  readonly stallMs: number;
  /** Called when an `alive` is due, and again at intervals while it stays so. */
  readonly onQuiet: () => void;
  /** Called once: the other side has taken nothing for `stallMs`. */
  readonly onStall: () => void;
}

export function createKeepalive(options: KeepaliveOptions): Keepalive {
  const { clock, signal, intervalMs, stallMs, onQuiet, onStall } = options;
  let sentMs = clock.elapsed();
  let isSending = false;
  const quietMs = () => clock.elapsed() - sentMs;

  const watch = async () => {
    for (;;) {
      // Checks more often while overdue: what is being sent now may be gone a moment later.
      await clock.delay(quietMs() < intervalMs ? intervalMs - quietMs() : intervalMs / 4, { signal });
      if (isSending && quietMs() >= stallMs) return onStall();
      if (!isSending && quietMs() >= intervalMs) onQuiet();
    }
  };
  watch().catch(() => undefined);

  return {
    get isQuiet() {
      return quietMs() >= intervalMs;
    },
    async send(sending) {
      isSending = true;
      await raceSignal(sending(), signal);
      isSending = false;
      sentMs = clock.elapsed();
    },
  };
}
