import { z } from 'zod';
import type { Clock } from '#lib/base/clock.ts';
import { createEmitter } from '#lib/base/emitter.ts';
import { errorCode } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import { peerIdFromKey, type PeerId } from '#lib/protocol/ids.ts';
import { forkSchema } from '#lib/protocol/tally.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import { provesFork, type Fork } from '#lib/trust/chain.ts';

/** The proofs that peers have shown two histories, kept so that others can be handed them and check them alone. */
export interface ForkBook {
  has(peer: PeerId): boolean;
  /** Newest last. */
  list(): readonly FoundFork[];
  /** Keeps a proof of a peer that none is kept of. Returns whether it proves anything. */
  add(fork: Fork): boolean;
  onAdded(listener: (found: FoundFork) => void): () => void;
}

export interface FoundFork {
  /** Who signed both. */
  readonly peer: PeerId;
  /** When it was found or handed on, in milliseconds since the epoch. */
  readonly at: number;
  readonly fork: Fork;
}

export interface ForkBookComponents {
  readonly storage: KeyValue;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether this peer had to do with another: proofs of strangers give way first, since keys are free. */
  readonly knows: (peer: PeerId) => boolean;
}

/** Proofs kept; each has up to 17 kB. */
export const forksMax = 256;
const keyPrefix = 'fork/';
const storedSchema = z.object({ at: z.number().int().nonnegative(), fork: forkSchema });

/** Reads what was kept; a storage that cannot be read is as good as an empty one. */
export async function openForkBook({ storage, clock, logger, knows }: ForkBookComponents): Promise<ForkBook> {
  const found = new Map<PeerId, FoundFork>();
  const added = createEmitter<FoundFork>((error) => logger.warn('listener-failed', { error: String(error) }));
  const warn = (error: unknown) => logger.warn('forks-not-stored', { code: errorCode(error) });
  try {
    const entries = await storage.list('receipts', { prefix: keyPrefix, limit: forksMax });
    const stored = entries.flatMap(({ value }) => storedSchema.safeParse(value).data ?? []);
    for (const { at, fork } of stored.sort((a, b) => a.at - b.at)) {
      const peer = peerIdFromKey(fork.left.key);
      found.set(peer, { peer, at, fork });
    }
  } catch (error) {
    logger.warn('forks-not-read', { code: errorCode(error) });
  }

  const forget = () => {
    const strangers = [...found.keys()].filter((peer) => !knows(peer));
    const oldest = strangers[0] ?? found.keys().next().value;
    if (oldest === undefined) return;
    found.delete(oldest);
    storage.delete('receipts', `${keyPrefix}${oldest}`).catch(warn);
  };

  return {
    has: (peer) => found.has(peer),
    list: () => [...found.values()],
    add(fork) {
      const peer = peerIdFromKey(fork.left.key);
      if (found.has(peer)) return true;
      if (!provesFork(fork)) return false;
      const one: FoundFork = { peer, at: Math.floor(clock.now()), fork };
      found.set(peer, one);
      storage.put('receipts', `${keyPrefix}${peer}`, { at: one.at, fork }).catch(warn);
      if (found.size > forksMax) forget();
      logger.warn('fork-found', { peer, side: fork.side });
      added.emit(one);
      return true;
    },
    onAdded: added.listen,
  };
}
