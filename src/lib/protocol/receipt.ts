import { z } from 'zod';
import { envelopeOf } from './envelope.ts';
import { artefactIdSchema, hashSchema, jobIdSchema, peerIdSchema } from './ids.ts';
import { tierSchema } from './job.ts';
import { wordSchema } from './word.ts';
import { finishReasonSchema } from './part.ts';
import { receiptPaymentSchema } from './payment.ts';
import { priceSchema } from './price.ts';
import { limits } from './limits.ts';

/** Signed by the worker at the end of a job: who did what for whom, bound to prompt and output by hashes. */
export type Receipt = z.output<typeof receiptSchema>;
/** Signed by the asker in return: it received this receipt, which takes its place in the asker's own chain. */
export type Countersign = z.output<typeof countersignSchema>;
/** A receipt with its countersignature, which is missing only until it arrives. */
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
  /** Copied from the job. */
  params: z.record(z.string(), z.unknown()),
  /** SHA-256 of `salt ‖ DAG-CBOR([kind, input])`; see `trust/prompt-hash.ts`. */
  promptHash: hashSchema,
  /** `resume.tokens` of the job: tokens produced by earlier workers. */
  resumedTokens: z.number().int().nonnegative(),
  /** Root over the channels that `outputForm` selects; see `trust/output-root.ts`. */
  outputRoot: hashSchema,
  outputForm: z.enum(['token-ids', 'text-parts']),
  reason: finishReasonSchema,
  tokensIn: z.number().int().nonnegative(),
  tokensOut: z.number().int().nonnegative(),
  timings: z.object({ queuedMs: durationMs, ttftMs: durationMs, decodeMs: durationMs }),
  tier: tierSchema,
  price: priceSchema,
  /** Left out where nothing was to be paid. */
  payment: receiptPaymentSchema.optional(),
  issuedAt: z.number().int().nonnegative(),
  /** Hash of the worker's previous receipt, or 64 zeros. */
  prevWorker: hashSchema,
});

export const countersignSchema = z.object({
  jobId: jobIdSchema,
  /** SHA-256 of the encoded receipt envelope. */
  receipt: hashSchema,
  asker: peerIdSchema,
  /** Hash of the asker's previous countersign, or 64 zeros. */
  prevAsker: hashSchema,
});

export const receiptEnvelopeSchema = envelopeOf('receipt', limits.receiptBytesMax);
export const countersignEnvelopeSchema = envelopeOf('countersign', limits.receiptBytesMax);

export const signedReceiptSchema = z.object({
  receipt: receiptEnvelopeSchema,
  countersign: countersignEnvelopeSchema.optional(),
});
