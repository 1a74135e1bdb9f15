import { z } from 'zod';
import { envelopeOf } from './envelope.ts';
import { artefactIdSchema, hashSchema, jobIdSchema, peerIdSchema } from './ids.ts';
import { tierSchema } from './job.ts';
import { wordSchema } from './word.ts';
import { finishReasonSchema } from './part.ts';
import { priceSchema } from './price.ts';
import { limits } from './limits.ts';

/** What a worker signs at the end of a job: who did what for whom, bound to the prompt and the output by hashes. */
export type Receipt = z.output<typeof receiptSchema>;
/** What the asker signs back: that it received this receipt, in its own chain. */
export type Countersign = z.output<typeof countersignSchema>;
/** Both signatures, as stored and shown. `countersign` is missing only while it is under way. */
export type SignedReceipt = z.output<typeof signedReceiptSchema>;

const durationMs = z.number().nonnegative().max(limits.durationMsMax);
const word = z.string().max(limits.wordLengthMax);

export const receiptSchema = z.object({
  jobId: jobIdSchema,
  asker: peerIdSchema,
  worker: peerIdSchema,
  artefact: artefactIdSchema,
  model: z.string().max(limits.nameLengthMax),
  kind: wordSchema,
  engine: z.object({ name: word, build: word, deviceClass: word }),
  /** As in the job, whatever its kind. */
  params: z.record(z.string(), z.unknown()),
  /** SHA-256 over salt and DAG-CBOR of kind and input: see `trust/prompt-hash.ts`. */
  promptHash: hashSchema,
  /** Tokens that came with the job in `resume` and were not produced here. */
  resumedTokens: z.number().int().nonnegative(),
  /** Merkle root over what `outputForm` names: see `trust/output-root.ts`. */
  outputRoot: hashSchema,
  outputForm: z.enum(['token-ids', 'text-parts']),
  reason: finishReasonSchema,
  tokensIn: z.number().int().nonnegative(),
  tokensOut: z.number().int().nonnegative(),
  timings: z.object({ queuedMs: durationMs, ttftMs: durationMs, decodeMs: durationMs }),
  tier: tierSchema,
  price: priceSchema,
  issuedAt: z.number().int().nonnegative(),
  /** Hash of the worker's receipt before this one, or 64 zeros. */
  prevWorker: hashSchema,
});

export const countersignSchema = z.object({
  jobId: jobIdSchema,
  /** SHA-256 of the encoded receipt envelope. */
  receipt: hashSchema,
  asker: peerIdSchema,
  /** Hash of the asker's receipt before this one, or 64 zeros. */
  prevAsker: hashSchema,
});

export const receiptEnvelopeSchema = envelopeOf('receipt', limits.receiptBytesMax);
export const countersignEnvelopeSchema = envelopeOf('countersign', limits.receiptBytesMax);

export const signedReceiptSchema = z.object({
  receipt: receiptEnvelopeSchema,
  countersign: countersignEnvelopeSchema.optional(),
});
