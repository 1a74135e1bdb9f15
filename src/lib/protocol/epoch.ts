import { z } from 'zod';
import { envelopeOf } from './envelope.ts';
import { hashSchema, peerIdSchema } from './ids.ts';
import { limits } from './limits.ts';

/**
 * Signed by a worker when an epoch has ended: a commitment to every receipt it issued in it, made before anybody knows which of
 * them will be audited.
 */
export type EpochCommitment = z.output<typeof epochSchema>;

const natural = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);

export const epochSchema = z
  .object({
    /** The signer. */
    worker: peerIdSchema,
    /** Counts this worker's epochs, from 0. */
    epoch: natural,
    /** It holds the receipts issued from here on; where the epoch before ended. */
    from: natural,
    /** And before this. */
    until: natural,
    /** Of the tree whose leaves are the hashes of these receipts; see `trust/epoch.ts`. */
    root: hashSchema,
    /** Receipts in the tree. */
    count: z.number().int().min(1).max(limits.epochReceiptsMax),
    /** The sum of their `tokensOut`. */
    tokens: natural,
    /** Hash of the commitment of the epoch before, or 64 zeros. */
    previous: hashSchema,
  })
  .refine(({ from, until }) => from < until, 'an epoch ends after it began');

export const epochEnvelopeSchema = envelopeOf('epoch', limits.epochBytesMax);

/** Sibling hashes from a leaf up to the root. */
export const inclusionPathSchema = z.array(hashSchema).max(limits.epochPathMax);
