import { z } from 'zod';
import { envelopeOf } from './envelope.ts';
import { artefactIdSchema, hashSchema, jobIdSchema, peerIdSchema } from './ids.ts';
import { limits } from './limits.ts';
import { unitsSchema } from './price.ts';

/**
 * Signed by a worker while it streams: a commitment to everything it has sent so far. The last checkpoint of a worker
 * that disappears takes the place of its receipt.
 */
export type Checkpoint = z.output<typeof checkpointSchema>;

export const checkpointSchema = z.object({
  jobId: jobIdSchema,
  asker: peerIdSchema,
  worker: peerIdSchema,
  artefact: artefactIdSchema,
  /** As in the receipt. */
  promptHash: hashSchema,
  resumedTokens: z.number().int().nonnegative(),
  /** Tokens this worker has sent in parts before this frame. */
  tokensOut: z.number().int().nonnegative(),
  /** Covers exactly those parts; see `trust/output-root.ts`. */
  outputRoot: hashSchema,
  outputForm: z.enum(['token-ids', 'text-parts']),
  issuedAt: z.number().int().nonnegative(),
  /** What the job costs so far at this worker, in the smallest unit. Left out where it is free. */
  due: unitsSchema.optional(),
});

export const checkpointEnvelopeSchema = envelopeOf('checkpoint', limits.receiptBytesMax);
