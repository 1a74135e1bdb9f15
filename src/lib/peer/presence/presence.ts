import { released } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { errorCode } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import { createNotifier } from '#lib/base/notifier.ts';
import type { Random } from '#lib/base/random.ts';
import type { Startable } from '#lib/base/startable.ts';
import { withTimeout } from '#lib/base/timeout.ts';
import type { Directory } from '#lib/market/spec.ts';
import type { Net, NetStatus } from '#lib/net/spec.ts';
import { encodeEnvelope, type Envelope, type Signer } from '#lib/protocol/envelope.ts';
import { offersTopic } from '#lib/protocol/find.ts';
import type { Tier } from '#lib/protocol/job.ts';
import { limits } from '#lib/protocol/limits.ts';
import { signOffer, type Offer } from '#lib/protocol/offer.ts';
import { build } from '#lib/protocol/version.ts';
import type { Sequence } from '../identity.ts';
import type { Provider, ProviderState, ServedModels } from '../spec.ts';
import type { Audience, Listing } from './discovery-client.ts';

export interface PresenceComponents {
  readonly net: Net;
  readonly signer: Signer;
  readonly provider: Provider;
  /** This device's own: it gets every offer made here, including what is offered to this device alone. */
  readonly directory: Directory;
  readonly sequence: Sequence;
  /** Relays that list this peer; left out where the peer is a relay. */
  readonly listing?: Listing | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly role: Offer['role'];
  readonly hardware?: (() => Offer['hardware']) | undefined;
  /** What its next offer calls this peer; nothing by default. */
  readonly nickname?: (() => string | undefined) | undefined;
  /** By default the topic of a small network. */
  readonly audience?: Audience | undefined;
  /** `['open']` by default. */
  readonly tiers?: readonly Tier[] | undefined;
  /** Kinds of request that are refused, as words of the policy list. */
  readonly policyWords?: readonly string[] | undefined;
}

/** Announces to the network what this peer serves. */
export interface Presence extends Startable {
  /**
   * Announces at once that the peer is going away, without waiting: for a page that is frozen or closed. Nothing is
   * announced from then on.
   */
  announceOffline(): void;
  /** Announces anew after an `announceOffline`: the page was not closed, or has come back. */
  announceOnline(): void;
}

/** Announcements under way; while no peer takes them, more would only queue up. */
const publishingMax = 4;
/** A change of load alone is announced after this. */
export const loadDelayMs = 150;
/** An announcement that no relay shows by then was lost, and is made again, each time after twice as long. */
export const unlistedMs = 1_500;
/** A withdrawal is acted on when it arrives and need not be kept. */
const withdrawalTtlMs = 1_000;
/** Time for the withdrawal to leave before the net stops. */
const withdrawalTimeoutMs = 500;

/**
 * Announces on every change of the served models, of the addresses and of the relays, not more often than the limit allows,
 * and on a heartbeat with some jitter, so that peers do not announce in step; sooner while no relay lists it. A relay that has
 * just subscribed counts as a change: it has missed what was published before. A change of load alone waits a moment, so that
 * it does not delay the job that made it. What only this device may have goes into its own directory alone.
 */
export function createPresence(components: PresenceComponents): Presence {
  const { net, signer, provider, directory, sequence, listing, clock, random, logger } = components;
  const { audience = smallAudience } = components;
  const changed = createNotifier();
  let lifetime: AbortController | undefined;
  let running: Promise<void> = Promise.resolve();
  let announced: 'nothing' | 'self' | 'network' = 'nothing';
  let announcedDigest: AnnouncementDigest | undefined;
  let announcedMs = Number.NEGATIVE_INFINITY;
  let isLoadPending = false;
  let isOffline = false;
  let publishing = 0;
  let announcedTopics: readonly string[] = [];
  let isBehind = false;
  let seen: Pick<ProviderState, 'phase' | 'models'> | undefined;

  const hardwareNow = () => {
    const hardware = components.hardware?.();
    return hardware ? { hardware } : {};
  };
  const nicknameNow = () => {
    const nickname = components.nickname?.();
    return nickname === undefined ? {} : { nickname };
  };
  const toOffer = (served: ServedModels, seq: number, ttlMs: number): Offer => ({
    peer: signer.peer,
    seq,
    issuedAt: Math.floor(clock.now()),
    ttlMs,
    role: components.role,
    tiers: [...(components.tiers ?? ['open'])],
    policy: [...(components.policyWords ?? [])],
    addrs: net.addresses().slice(0, limits.offerAddrsMax),
    build,
    ...hardwareNow(),
    ...nicknameNow(),
    ...served,
  });
  /** Signs an offer and puts it into this device's directory; the same signature serves the network where it may see it. */
  const signAndKeep = (offer: Offer): Envelope => {
    const envelope = signOffer(offer, signer);
    directory.consider(offer, envelope);
    return envelope;
  };
  const topicsNow = () => audience.topicsFor(provider.servedModels('network')?.models ?? []);
  /** Where an offer stood before, it is replaced too. */
  const publish = async (envelope: Envelope, turn: 'in-turn' | 'at-once', signal?: AbortSignal) => {
    if (publishing >= publishingMax && turn === 'in-turn') {
      isBehind = true;
      return;
    }
    publishing += 1;
    const [topics, message] = [topicsNow(), encodeEnvelope(envelope)];
    const all = [...new Set([...topics, ...announcedTopics])];
    announcedTopics = topics;
    try {
      await Promise.all(all.map((topic) => net.publish(topic, message, { signal })));
    } catch (error) {
      logger.info('offer-not-published', { code: errorCode(error) });
    } finally {
      publishing -= 1;
      catchUp();
    }
  };
  const catchUp = () => {
    if (!isBehind) return;
    isBehind = false;
    announcedDigest = undefined;
    changed.notify();
  };

  const served = () => [provider.servedModels('self'), provider.servedModels('network')] as const;
  const digest = (): AnnouncementDigest => ({
    models: modelsDigest(served()),
    addresses: addressesDigest(net.addresses(), net.status(), topicsNow()),
    load: loadDigest(served()),
  });
  /** What has changed since the last announcement; `load`: nothing but how busy this peer is. */
  const changes = (): 'none' | 'load' | 'all' => {
    const now = digest();
    if (announcedDigest?.models !== now.models || announcedDigest.addresses !== now.addresses) return 'all';
    return announcedDigest.load === now.load ? 'none' : 'load';
  };

  const announce = () => {
    try {
      if (!isOffline) announceNow();
    } catch (error) {
      // An offer that cannot be signed must not end the heartbeat: the next change may be sound.
      logger.warn('offer-not-made', { code: errorCode(error) });
    }
  };

  const announceNow = () => {
    announcedDigest = digest();
    announcedMs = clock.elapsed();
    const [own, shared] = served();
    if (!own) return void withdraw();
    const seq = sequence.next();
    const offer = toOffer(own, seq, limits.offerTtlMs);
    const envelope = signAndKeep(offer);
    if (shared) {
      const isSame = JSON.stringify(shared) === JSON.stringify(own);
      const published = isSame ? envelope : signOffer(toOffer(shared, seq, limits.offerTtlMs), signer);
      void publish(published, shared.draining ? 'at-once' : 'in-turn', lifetime?.signal);
    } else if (announced === 'network') {
      const last = { ...own, draining: true, models: [] };
      void publish(signOffer(toOffer(last, seq, withdrawalTtlMs), signer), 'at-once');
    }
    announced = shared ? 'network' : 'self';
  };

  const withdraw = async () => {
    if (announced === 'nothing') return;
    const audience = announced;
    announced = 'nothing';
    const engine = { name: 'none', build, deviceClass: 'none' };
    const last = toOffer({ draining: true, engine, models: [] }, sequence.next(), withdrawalTtlMs);
    const envelope = signAndKeep(last);
    if (audience === 'network') await publish(envelope, 'at-once');
  };

  const isUnlisted = () => announced === 'network' && listing?.relays.length === 0;

  const runHeartbeat = async (signal: AbortSignal) => {
    let patienceMs: number = unlistedMs;
    while (!signal.aborted) {
      const jitter = 1 + (random.float() * 2 - 1) * limits.offerJitter;
      const own = provider.servedModels('self');
      // A draining peer has announced it; its offer is left to expire.
      const heartbeatMs = own && !own.draining ? Math.round(limits.offerHeartbeatMs * jitter) : limits.offerTtlMsMax;
      const isLost = isUnlisted();
      if (!isLost) patienceMs = unlistedMs;
      const dueMs = isLost ? Math.min(heartbeatMs, patienceMs) : heartbeatMs;
      const turn = new AbortController();
      const ended = AbortSignal.any([signal, turn.signal]);
      const change = isOffline || changes() !== 'all' ? changed.wait({ signal: ended }) : Promise.resolve();
      await Promise.race([change, clock.delay(dueMs, { signal: ended })].map((one) => one.catch(() => undefined)));
      turn.abort(released);
      const gapMs = announcedMs + limits.offerMinGapMs - clock.elapsed();
      if (gapMs > 0) await clock.delay(gapMs, { signal });
      if (isOffline || signal.aborted) continue;
      const isDue = clock.elapsed() - announcedMs >= dueMs - 1;
      if (changes() !== 'none' || (isDue && own && !own.draining)) announce();
      if (isDue && isLost) patienceMs *= 2;
    }
  };

  const announceSoon = () => {
    // A peer that is going away may not live to see the gap end.
    if (announced !== 'nothing' && (provider.servedModels('self')?.draining ?? true)) announce();
    else changed.notify();
  };
  /** Signing, and checking at the other peers, would otherwise come before the first token of the job that made it busy. */
  const announceLoadLater = async (signal: AbortSignal) => {
    if (isLoadPending) return;
    isLoadPending = true;
    try {
      await clock.delay(loadDelayMs, { signal });
      if (!isOffline && changes() !== 'none') changed.notify();
    } catch {
      // Stopped.
    } finally {
      isLoadPending = false;
    }
  };
  const onProviderState = ({ phase, models }: ProviderState) => {
    if (isOffline || !lifetime) return;
    const isKnown = seen !== undefined && phase === seen.phase && models === seen.models;
    seen = { phase, models };
    // Every job comes this way several times, and what it changes is looked at when the wait is over.
    if (isKnown && isLoadPending) return;
    if (announcedDigest?.models !== modelsDigest(served())) announceSoon();
    else if (announcedDigest.load !== loadDigest(served())) void announceLoadLater(lifetime.signal);
  };
  const onNetStatus = (status: NetStatus) => {
    if (!isOffline && announcedDigest?.addresses !== addressesDigest(net.addresses(), status, topicsNow()))
      announceSoon();
  };
  let endListening: readonly (() => void)[] = [];

  return {
    async start() {
      if (lifetime) return;
      lifetime = new AbortController();
      isOffline = false;
      announcedDigest = undefined;
      endListening = [
        provider.onState(onProviderState),
        net.onStatus(onNetStatus),
        listing?.onChange(() => changed.notify()) ?? (() => undefined),
        audience.onChange(() => onNetStatus(net.status())),
      ];
      running = runHeartbeat(lifetime.signal).catch((error) => {
        if (errorCode(error) !== 'aborted') logger.warn('presence-ended', { code: errorCode(error) });
      });
    },
    async stop() {
      if (!lifetime) return;
      for (const end of endListening) end();
      const ending = lifetime;
      lifetime = undefined;
      ending.abort();
      await withTimeout(withdraw(), clock, withdrawalTimeoutMs).catch(() => undefined);
      await running;
    },
    announceOffline() {
      void withdraw();
      isOffline = true;
    },
    announceOnline() {
      isOffline = false;
      announcedDigest = undefined;
      changed.notify();
    },
  };
}

/**
 * What makes two announcements equal, in the parts that change at different times: the models that are served, the
 * addresses of the peer with the relays and topics it announces on, and its load. Other peers must know the first two at
 * once; the load changes with every job, at the very moment in which the job's first token is due.
 */
interface AnnouncementDigest {
  readonly models: string;
  readonly addresses: string;
  readonly load: string;
}

type Served = readonly (ServedModels | undefined)[];

const loadFields: ReadonlySet<string> = new Set(['running', 'queued', 'measured']);

const modelsDigest = (served: Served): string =>
  JSON.stringify(served, (field, value: unknown) => (loadFields.has(field) ? undefined : value));

const loadDigest = (served: Served): string =>
  JSON.stringify(served.map((one) => one?.models.map(({ running, queued, measured }) => [running, queued, measured])));

const addressesDigest = (
  addresses: readonly string[],
  { relays }: Pick<NetStatus, 'relays'>,
  published: readonly string[],
): string =>
  JSON.stringify([
    addresses,
    published,
    relays
      .filter(({ state }) => state === 'connected' || state === 'reserved')
      .map(({ peer, state, topics }) => [peer, state, topics?.filter((topic) => published.includes(topic))]),
  ]);

const smallAudience: Audience = { topicsFor: () => [offersTopic], onChange: () => () => undefined };
