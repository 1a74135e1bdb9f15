import { z } from 'zod';
import { envelopeOf } from './envelope.ts';
import { artefactIdSchema, hashSchema, jobIdSchema, peerIdSchema } from './ids.ts';
import { limits } from './limits.ts';
import { unitsSchema } from './price.ts';

/**
 * What a worker signs on the way: the answer as far as it has been sent. A worker that dies is represented by its last
 * checkpoint, as it gives no receipt any more.
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
  /** Over exactly those parts; see `trust/output-root.ts`. */
  outputRoot: hashSchema,
  outputForm: z.enum(['token-ids', 'text-parts']),
  issuedAt: z.number().int().nonnegative(),
  /** Reserved: what is owed for the job so far, in the smallest unit. */
  due: unitsSchema.optional(),
});

export const checkpointEnvelopeSchema = envelopeOf('checkpoint', limits.receiptBytesMax);
