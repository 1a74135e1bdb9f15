import type { Clock } from '#lib/base/clock.ts';
import { errorCode } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Random } from '#lib/base/random.ts';
import type { Startable } from '#lib/base/startable.ts';
import type { Directory } from '#lib/market/spec.ts';
import type { Net } from '#lib/net/spec.ts';
import { encodeEnvelope, type Signer } from '#lib/protocol/envelope.ts';
import { offersTopic } from '#lib/protocol/find.ts';
import type { Tier } from '#lib/protocol/job.ts';
import { limits } from '#lib/protocol/limits.ts';
import { signOffer, type Offer } from '#lib/protocol/offer.ts';
import { build } from '#lib/protocol/version.ts';
import { createBell } from './bell.ts';
import type { Sequence } from './identity.ts';
import type { Provider, Shelf } from './spec.ts';

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
/** A goodbye outlives nothing: it is acted on when heard. */
const goodbyeTtlMs = 1_000;
/** For the goodbye to leave before the net stops. */
const goodbyeTimeoutMs = 500;

/**
 * Announces on every change of the shelf, of the addresses and of the relays, not more often than the limit allows, and
 * on a heartbeat that is a little irregular so that peers do not speak in step. What only this device may have goes into
 * its own directory alone.
 */
export function createPresence(components: PresenceComponents): Presence {
  const { net, signer, provider, directory, sequence, clock, random, logger } = components;
  const bell = createBell();
  let life: AbortController | undefined;
  let running: Promise<void> = Promise.resolve();
  let said = '';
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
  const hear = (offer: Offer) => directory.consider(offer, signOffer(offer, signer));
  const publish = async (offer: Offer, signal?: AbortSignal) => {
    if (publishing >= publishingMax && !offer.draining) return;
    publishing += 1;
    try {
      await net.publish(offersTopic, encodeEnvelope(signOffer(offer, signer)), { signal });
    } catch (error) {
      logger.info('offer-not-published', { code: errorCode(error) });
    } finally {
      publishing -= 1;
    }
  };

  /** Everything that makes two announcements say the same. */
  const wording = () =>
    JSON.stringify([
      provider.shelf('self'),
      provider.shelf('network'),
      net.addresses(),
      net
        .status()
        .relays.filter(({ state }) => state === 'connected' || state === 'reserved')
        .map(({ peer, state }) => [peer, state]),
    ]);

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
    const own = provider.shelf('self');
    const shared = provider.shelf('network');
    if (!own) return void sayGoodbye();
    const seq = sequence.next();
    hear(toOffer(own, seq, limits.offerTtlMs));
    if (shared) void publish(toOffer(shared, seq, limits.offerTtlMs), life?.signal);
    else if (announced === 'network') void publish(toOffer({ ...own, draining: true, models: [] }, seq, goodbyeTtlMs));
    announced = shared ? 'network' : 'self';
  };

  const sayGoodbye = async () => {
    if (announced === 'nothing') return;
    const heardBy = announced;
    announced = 'nothing';
    const engine = { name: 'none', build, deviceClass: 'none' };
    const last = toOffer({ draining: true, engine, models: [] }, sequence.next(), goodbyeTtlMs);
    hear(last);
    if (heardBy === 'network') await publish(last);
  };

  const beat = async (signal: AbortSignal) => {
    while (!signal.aborted) {
      const jitter = 1 + (random.float() * 2 - 1) * limits.offerJitter;
      const shelf = provider.shelf('self');
      // One that takes nothing new has said so; it is not kept in the directories.
      const dueMs = shelf && !shelf.draining ? Math.round(limits.offerHeartbeatMs * jitter) : limits.offerTtlMsMax;
      const turn = new AbortController();
      const within = AbortSignal.any([signal, turn.signal]);
      const changed = away || said === wording() ? bell.wait({ signal: within }) : Promise.resolve();
      await Promise.race([changed, clock.delay(dueMs, { signal: within })].map((one) => one.catch(() => undefined)));
      turn.abort();
      const gapMs = announcedMs + limits.offerMinGapMs - clock.elapsed();
      if (gapMs > 0) await clock.delay(gapMs, { signal });
      if (away) continue;
      const due = clock.elapsed() - announcedMs >= dueMs - 1;
      if (said !== wording() || (due && shelf && !shelf.draining)) announce();
    }
  };

  const changed = () => {
    if (away || said === wording()) return;
    // Who is going away may not live to see the gap end.
    if (announced !== 'nothing' && (provider.shelf('self')?.draining ?? true)) announce();
    else bell.ring();
  };
  let endListening: readonly (() => void)[] = [];

  return {
    async start() {
      if (life) return;
      life = new AbortController();
      away = false;
      said = '';
      endListening = [provider.onState(changed), net.onStatus(changed)];
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
      said = '';
      bell.ring();
    },
  };
}
