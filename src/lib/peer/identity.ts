import { z } from 'zod';
import type { Clock } from '#lib/base/clock.ts';
import { errorCode } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import { createMutex } from '#lib/base/mutex.ts';
import type { Random } from '#lib/base/random.ts';
import { createSigner, type Signer } from '#lib/protocol/envelope.ts';
import type { KeyValue } from '#lib/storage/spec.ts';

/** The key of this device. The seed leaves memory only for the storage and for the net, which needs the same key. */
export interface Identity {
  /** Ed25519 seed, 32 bytes. */
  readonly seed: Uint8Array;
  readonly signer: Signer;
  /** `replaced`: what was stored is not a seed, and the peer starts anew under another id. */
  readonly origin: 'stored' | 'created' | 'replaced';
}

/** Sequence numbers for the offers of one identity, rising across restarts and when the clock is set back. */
export interface Sequence {
  /** Returns at once, so that a page that is being closed can still withdraw its offer; stored in the background. */
  next(): number;
  /** Resolves when the last number is stored. */
  settled(): Promise<void>;
}

export interface IdentityComponents {
  readonly storage: KeyValue;
  readonly random: Random;
  readonly logger: Logger;
}

export interface SequenceComponents {
  readonly storage: KeyValue;
  readonly clock: Clock;
  readonly logger: Logger;
}

const seedSchema = z.instanceof(Uint8Array).refine((bytes) => bytes.length === 32);
const sequenceSchema = z.number().int().nonnegative();

/**
 * Loads the identity, or makes and stores one. Only one live process may use it at a time: callers hold the lock.
 * @throws what the storage throws: without storage there is no lasting identity.
 */
export async function loadIdentity({ storage, random, logger }: IdentityComponents): Promise<Identity> {
  const stored = await storage.get('identity', 'seed');
  const parsed = seedSchema.safeParse(stored);
  if (parsed.success) return { seed: parsed.data, signer: createSigner(parsed.data), origin: 'stored' };
  const seed = random.bytes(32);
  await storage.put('identity', 'seed', seed);
  if (stored === undefined) return { seed, signer: createSigner(seed), origin: 'created' };
  logger.warn('identity-replaced', { reason: 'the stored seed is not 32 bytes' });
  return { seed, signer: createSigner(seed), origin: 'replaced' };
}

/**
 * A sequence that begins above both the stored number and the clock. A number that could not be stored is used all the
 * same: the clock keeps the next start above it.
 */
export async function openSequence({ storage, clock, logger }: SequenceComponents): Promise<Sequence> {
  const warn = (error: unknown) => logger.warn('sequence-not-stored', { code: errorCode(error) });
  let last = 0;
  try {
    last = sequenceSchema.catch(0).parse(await storage.get('identity', 'offer-seq'));
  } catch (error) {
    warn(error);
  }
  const writes = createMutex();
  return {
    next() {
      const seq = Math.max(last + 1, Math.floor(clock.now()));
      last = seq;
      // Nobody waits for the disk, as a peer with many jobs announces its load twice a second: after a power cut the clock is ahead.
      const write = { type: 'put', store: 'identity', key: 'offer-seq', value: seq } as const;
      writes.run(() => storage.batch([write], { durability: 'relaxed' })).catch(warn);
      return seq;
    },
    settled: writes.idle,
  };
}
