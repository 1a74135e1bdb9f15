import { released } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { errorCode } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import { createNotifier } from '#lib/base/notifier.ts';
import type { Random } from '#lib/base/random.ts';
import type { Startable } from '#lib/base/startable.ts';
import { createTokenBuckets } from '#lib/base/token-buckets.ts';
import { createWishBook } from '#lib/market/wish-book.ts';
import type { Net, NetStatus, Subscription } from '#lib/net/spec.ts';
import { isSigned, type Signer } from '#lib/protocol/envelope.ts';
import type { ArtefactId, PeerId } from '#lib/protocol/ids.ts';
import { limits } from '#lib/protocol/limits.ts';
import { decodeUnverifiedWish, wishesTopic, wishLimits, writeWish } from '#lib/protocol/wish.ts';
import { sharesOf } from './address-shares.ts';

export interface WishesComponents {
  readonly net: Net;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Relays, which pass on what others have published. */
  readonly relays: () => readonly PeerId[];
  /** A relay follows wishes always, since it passes them on; others while somebody listens. */
  readonly follows: 'always' | 'while-listened-to';
}

/** Models that peers ask for while nobody serves them: what this one wishes for, and how many wish for each. */
export interface Wishes extends Startable {
  /** How many peers, this one among them, wish for each model now, as far as it is known here. */
  counts(): ReadonlyMap<ArtefactId, number>;
  /** Follows the wishes of others, which come within about a minute, and calls back with each change. Returns the way to stop. */
  follow(listener: () => void): () => void;
  /** Says what this peer wishes for, and says it again and again until it stops or wishes for something else. */
  wish(artefacts: readonly ArtefactId[]): void;
}

export function createWishes(components: WishesComponents): Wishes {
  const { net, signer, clock, random, logger, follows } = components;
  const book = createWishBook({ clock });
  const changed = createNotifier();
  let lifetime: AbortController | undefined;
  let wished: readonly ArtefactId[] = [];
  let isUnsaid = false;
  let lastIssuedAt = 0;
  let hearing = '';
  let endListening: () => void = () => undefined;
  let followers = 0;
  let unsubscribe: (() => void) | undefined;

  const updateSubscription = () => {
    const isWanted = follows === 'always' ? lifetime !== undefined : followers > 0;
    if (isWanted && !unsubscribe)
      unsubscribe = net.subscribe(wishesTopic, { validate: createValidator(components, book), deliver: () => {} });
    if (!isWanted) {
      unsubscribe?.();
      unsubscribe = undefined;
    }
  };

  const say = async (signal: AbortSignal) => {
    isUnsaid = false;
    lastIssuedAt = Math.max(lastIssuedAt + 1, Math.floor(clock.now()));
    const wish = { peer: signer.peer, issuedAt: lastIssuedAt, ttlMs: wishLimits.ttlMs, artefacts: [...wished] };
    try {
      const message = writeWish(wish, signer);
      book.put(wish, []);
      await net.publish(wishesTopic, message, { signal });
    } catch (error) {
      logger.info('wish-not-published', { code: errorCode(error) });
    }
  };

  const run = async (signal: AbortSignal) => {
    while (!signal.aborted) {
      if (isUnsaid) {
        await say(signal);
        await clock.delay(wishLimits.minGapMs, { signal });
        continue;
      }
      const turn = new AbortController();
      const ended = AbortSignal.any([signal, turn.signal]);
      const waits = [changed.wait({ signal: ended })];
      if (wished.length > 0) {
        const jitter = 1 + (random.float() * 2 - 1) * limits.offerJitter;
        waits.push(clock.delay(wishLimits.repeatMs * jitter, { signal: ended }));
      }
      await Promise.race(waits.map((one) => one.catch(() => undefined)));
      turn.abort(released);
      if (wished.length > 0) isUnsaid = true;
    }
  };

  /** A relay that has just subscribed has missed what was published before. */
  const onStatus = ({ relays: known }: NetStatus) => {
    const now = known
      .filter(({ topics }) => topics?.includes(wishesTopic))
      .map(({ peer }) => peer)
      .join(' ');
    const isNew = now !== hearing && now !== '';
    hearing = now;
    if (isNew && wished.length > 0) changed.notify();
  };

  return {
    counts: book.counts,
    follow(listener) {
      const end = book.onChange(listener);
      let isFollowing = true;
      followers += 1;
      updateSubscription();
      return () => {
        if (!isFollowing) return;
        isFollowing = false;
        end();
        followers -= 1;
        updateSubscription();
      };
    },
    wish(artefacts) {
      if (artefacts.length === wished.length && artefacts.every((one, i) => one === wished[i])) return;
      wished = artefacts.slice(0, wishLimits.artefactsMax);
      isUnsaid = true;
      changed.notify();
    },
    async start() {
      if (lifetime) return;
      lifetime = new AbortController();
      hearing = '';
      updateSubscription();
      endListening = net.onStatus(onStatus);
      void run(lifetime.signal).catch(() => undefined);
    },
    async stop() {
      endListening();
      lifetime?.abort();
      lifetime = undefined;
      updateSubscription();
    },
  };
}

/** The share of all peers together. */
const everyone = 'everyone';

/**
 * The verdict on a wish. As with offers, `reject` is for what no honest peer passes on, and `ignore` for what is late, repeated or
 * beyond a share; nobody may say anything who is not connected here, but through a relay. What costs little is asked first.
 */
function createValidator(
  { clock, relays }: WishesComponents,
  book: ReturnType<typeof createWishBook>,
): Subscription['validate'] {
  const quota = createTokenBuckets(clock, { ...wishLimits.perPeer, sharesMax: wishLimits.peersMax });
  const overall = createTokenBuckets(clock, { ...wishLimits.overall, sharesMax: 1 });

  return (message, from, { source, connected, address }) => {
    if (!connected && !relays().includes(source)) return 'ignore';
    if (!quota.take(from)) return source === from ? 'reject' : 'ignore';
    let read: ReturnType<typeof decodeUnverifiedWish>;
    try {
      read = decodeUnverifiedWish(message);
    } catch {
      return 'reject';
    }
    const { wish, envelope } = read;
    if (wish.peer !== from) return 'reject';
    const places = sharesOf(address);
    if (book.check(wish, places) !== 'fresh' || !overall.take(everyone)) return 'ignore';
    if (!isSigned(envelope)) return 'reject';
    book.put(wish, places);
    return 'accept';
  };
}
