import type { Clock } from '#lib/base/clock.ts';
import { errorCode } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Random } from '#lib/base/random.ts';
import type { Startable } from '#lib/base/startable.ts';
import type { Directory } from '#lib/market/spec.ts';
import type { Net, NetStatus } from '#lib/net/spec.ts';
import { encodeEnvelope, type Envelope, type Signer } from '#lib/protocol/envelope.ts';
import { offersTopic } from '#lib/protocol/find.ts';
import type { Tier } from '#lib/protocol/job.ts';
import { limits } from '#lib/protocol/limits.ts';
import { signOffer, type Offer } from '#lib/protocol/offer.ts';
import { build } from '#lib/protocol/version.ts';
import { createBell } from '../bell.ts';
import type { Sequence } from '../identity.ts';
import type { Provider, Shelf } from '../spec.ts';
import { loadWording, servedWording, waysWording, type Wording } from './wording.ts';

export interface PresenceComponents {
  readonly net: Net;
  readonly signer: Signer;
  readonly provider: Provider;
  /** This device's own: it hears everything that is offered here, also what is offered to nobody else. */
  readonly directory: Directory;
  readonly sequence: Sequence;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly role: Offer['role'];
  /** `['open']` unless said otherwise. */
  readonly tiers?: readonly Tier[] | undefined;
  /** Kinds of request that are refused, as words of the policy list. */
  readonly policyWords?: readonly string[] | undefined;
}

/** Tells the network what this peer serves. */
export interface Presence extends Startable {
  /** Says at once that the peer is going away, as when its page is frozen or closed; nothing is awaited. Silent from then on. */
  goodbye(): void;
  /** It did not go after all, or has come back: announces anew. */
  back(): void;
}

/** Announcements under way; while a net finds no one to tell, more would only queue up. */
const publishingMax = 4;
/** A change of load alone is announced after this. */
export const loadPatienceMs = 150;
/** A goodbye outlives nothing: it is acted on when heard. */
const goodbyeTtlMs = 1_000;
/** For the goodbye to leave before the net stops. */
const goodbyeTimeoutMs = 500;

/**
 * Announces on every change of the shelf, of the addresses and of the relays, not more often than the limit allows, and
 * on a heartbeat that is a little irregular so that peers do not speak in step. A change of load alone waits a moment, so
 * that it does not delay the job that made it. What only this device may have goes into its own directory alone.
 */
export function createPresence(components: PresenceComponents): Presence {
  const { net, signer, provider, directory, sequence, clock, random, logger } = components;
  const bell = createBell();
  let life: AbortController | undefined;
  let running: Promise<void> = Promise.resolve();
  let said: Wording | undefined;
  let loadPending = false;
  let away = false;
  let announced: 'nothing' | 'self' | 'network' = 'nothing';
  let announcedMs = Number.NEGATIVE_INFINITY;
  let publishing = 0;

  const toOffer = (shelf: Shelf, seq: number, ttlMs: number): Offer => ({
    peer: signer.peer,
    seq,
    issuedAt: Math.floor(clock.now()),
    ttlMs,
    role: components.role,
    tiers: [...(components.tiers ?? ['open'])],
    policy: [...(components.policyWords ?? [])],
    addrs: net.addresses().slice(0, limits.offerAddrsMax),
    build,
    ...shelf,
  });
  /** The directory of this device hears it, and where it may be shared, the network; one signature serves both. */
  const hear = (offer: Offer): Envelope => {
    const envelope = signOffer(offer, signer);
    directory.consider(offer, envelope);
    return envelope;
  };
  const publish = async (envelope: Envelope, turn: 'in-turn' | 'at-once', signal?: AbortSignal) => {
    if (publishing >= publishingMax && turn === 'in-turn') return;
    publishing += 1;
    try {
      await net.publish(offersTopic, encodeEnvelope(envelope), { signal });
    } catch (error) {
      logger.info('offer-not-published', { code: errorCode(error) });
    } finally {
      publishing -= 1;
    }
  };

  const shelves = () => [provider.shelf('self'), provider.shelf('network')] as const;
  const wording = (): Wording => ({
    served: servedWording(shelves()),
    ways: waysWording(net.addresses(), net.status()),
    load: loadWording(shelves()),
  });
  /** `load`: nothing has changed but how busy this peer is. */
  const news = (): 'nothing' | 'load' | 'all' => {
    const now = wording();
    if (said?.served !== now.served || said.ways !== now.ways) return 'all';
    return said.load === now.load ? 'nothing' : 'load';
  };

  const announce = () => {
    try {
      if (!away) sayWhatIs();
    } catch (error) {
      // A shelf that cannot be signed must not end the heartbeat: the next change may be sound.
      logger.warn('offer-not-made', { code: errorCode(error) });
    }
  };

  const sayWhatIs = () => {
    said = wording();
    announcedMs = clock.elapsed();
    const [own, shared] = shelves();
    if (!own) return void sayGoodbye();
    const seq = sequence.next();
    const offer = toOffer(own, seq, limits.offerTtlMs);
    const envelope = hear(offer);
    if (shared) {
      const same = JSON.stringify(shared) === JSON.stringify(own);
      const told = same ? envelope : signOffer({ ...offer, ...shared }, signer);
      void publish(told, shared.draining ? 'at-once' : 'in-turn', life?.signal);
    } else if (announced === 'network') {
      const last = { ...own, draining: true, models: [] };
      void publish(signOffer(toOffer(last, seq, goodbyeTtlMs), signer), 'at-once');
    }
    announced = shared ? 'network' : 'self';
  };

  const sayGoodbye = async () => {
    if (announced === 'nothing') return;
    const heardBy = announced;
    announced = 'nothing';
    const engine = { name: 'none', build, deviceClass: 'none' };
    const last = toOffer({ draining: true, engine, models: [] }, sequence.next(), goodbyeTtlMs);
    const envelope = hear(last);
    if (heardBy === 'network') await publish(envelope, 'at-once');
  };

  const beat = async (signal: AbortSignal) => {
    while (!signal.aborted) {
      const jitter = 1 + (random.float() * 2 - 1) * limits.offerJitter;
      const shelf = provider.shelf('self');
      // One that takes nothing new has said so; it is not kept in the directories.
      const dueMs = shelf && !shelf.draining ? Math.round(limits.offerHeartbeatMs * jitter) : limits.offerTtlMsMax;
      const turn = new AbortController();
      const within = AbortSignal.any([signal, turn.signal]);
      const changed = away || news() !== 'all' ? bell.wait({ signal: within }) : Promise.resolve();
      await Promise.race([changed, clock.delay(dueMs, { signal: within })].map((one) => one.catch(() => undefined)));
      turn.abort();
      const gapMs = announcedMs + limits.offerMinGapMs - clock.elapsed();
      if (gapMs > 0) await clock.delay(gapMs, { signal });
      if (away || signal.aborted) continue;
      const due = clock.elapsed() - announcedMs >= dueMs - 1;
      if (news() !== 'nothing' || (due && shelf && !shelf.draining)) announce();
    }
  };

  const speakSoon = () => {
    // Who is going away may not live to see the gap end.
    if (announced !== 'nothing' && (provider.shelf('self')?.draining ?? true)) announce();
    else bell.ring();
  };
  /** Signing, and the others' checking, would otherwise come before the first token of the job that made it busy. */
  const speakOfLoad = async (signal: AbortSignal) => {
    if (loadPending) return;
    loadPending = true;
    try {
      await clock.delay(loadPatienceMs, { signal });
      if (!away && news() !== 'nothing') bell.ring();
    } catch {
      // Stopped.
    } finally {
      loadPending = false;
    }
  };
  const shelfChanged = () => {
    if (away || !life) return;
    if (said?.served !== servedWording(shelves())) speakSoon();
    else if (said.load !== loadWording(shelves())) void speakOfLoad(life.signal);
  };
  const waysChanged = (status: NetStatus) => {
    if (!away && said?.ways !== waysWording(net.addresses(), status)) speakSoon();
  };
  let endListening: readonly (() => void)[] = [];

  return {
    async start() {
      if (life) return;
      life = new AbortController();
      away = false;
      said = undefined;
      endListening = [provider.onState(shelfChanged), net.onStatus(waysChanged)];
      running = beat(life.signal).catch((error) => {
        if (errorCode(error) !== 'aborted') logger.warn('presence-ended', { code: errorCode(error) });
      });
    },
    async stop() {
      if (!life) return;
      for (const end of endListening) end();
      const ending = life;
      life = undefined;
      ending.abort();
      const said = new AbortController();
      const patience = clock.delay(goodbyeTimeoutMs, { signal: said.signal }).catch(() => undefined);
      await Promise.race([sayGoodbye(), patience]);
      said.abort();
      await running;
    },
    goodbye() {
      void sayGoodbye();
      away = true;
    },
    back() {
      away = false;
      said = undefined;
      bell.ring();
    },
  };
}
