import { z } from 'zod';
import type { Clock } from '#lib/base/clock.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Random } from '#lib/base/random.ts';
import { createSigner, type Signer } from '#lib/protocol/envelope.ts';
import type { KeyValue } from '#lib/storage/spec.ts';

/** Who this device is. The seed leaves memory only for the storage and for the net, which needs the same key. */
export interface Identity {
  /** Ed25519 seed, 32 bytes. */
  readonly seed: Uint8Array;
  readonly signer: Signer;
  /** `replaced`: what was stored is no seed, so that the peer starts anew under another id. */
  readonly origin: 'stored' | 'created' | 'replaced';
}

/** Numbers for the offers of one identity, rising across restarts and across a clock that was set back. */
export interface Sequence {
  /** Resolves once the number is stored, so that it cannot be given out twice. */
  next(): Promise<number>;
}

export interface IdentityComponents {
  readonly storage: KeyValue;
  readonly random: Random;
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

/** A sequence that begins above both what was stored and the clock. */
export function createSequence({ storage, clock }: { readonly storage: KeyValue; readonly clock: Clock }): Sequence {
  let last: Promise<number> = storage
    .get('identity', 'offer-seq')
    .then((stored) => sequenceSchema.catch(0).parse(stored));
  const advance = async (before: number) => {
    const seq = Math.max(before + 1, clock.now());
    await storage.put('identity', 'offer-seq', seq);
    return seq;
  };
  return {
    next: () => {
      const taken = last.then(advance);
      // A failed write must not stop later numbers: they go on from the clock.
      last = taken.catch(() => clock.now());
      return taken;
    },
  };
}
