import { z } from 'zod';
import { receiptSchema } from '#lib/protocol/receipt.ts';

/** What this network adds to an OpenAI response as the member `tabloom`, which OpenAI's clients ignore. */
export type AnswerExtension = z.output<typeof answerExtensionSchema>;
export type PartExtension = z.output<typeof partSchema>;
export type AuditExtension = z.output<typeof auditSchema>;
export type ReceiptExtension = z.output<typeof checkedReceiptSchema>;
/** A receipt as JSON. */
export type ReceiptRecord = z.output<typeof receiptRecordSchema>;

export const receiptRecordSchema = z.object({
  /** The receipt's fields, for convenience. Trust the envelope, not these. */
  record: receiptSchema,
  /** DAG-CBOR of the worker's signed envelope, base64: anyone can verify it offline. */
  envelope: z.string(),
  /** The asker's envelope over the same receipt; null until it is signed. */
  countersign: z.string().nullable(),
});

/** With what this gateway checked. */
const checkedReceiptSchema = receiptRecordSchema.extend({
  checks: z.object({
    signature: z.boolean(),
    worker: z.boolean(),
    prompt: z.boolean(),
    output: z.boolean(),
    counts: z.boolean(),
    payment: z.boolean(),
  }),
});

const countSchema = z.number().int().nonnegative();

/** What was checked of a worker before its tier was believed, one by one. Left out: nothing was. Amounts are decimal text. */
export const auditSchema = z.object({
  bond: z.object({
    chain: countSchema,
    provider: z.string(),
    amount: z.string(),
    required: z.string(),
    block: z.string(),
  }),
  /** The part of its receipts that others have re-scored, from 0 to 1. */
  share_audited: z.number(),
  audited: countSchema,
  margin: z.number().optional(),
  validators: countSchema,
  /** What its greedy answers come to together: tokens of the test under way, strange ones, and tests that ended in its favour. */
  series: z.object({ tokens: countSchema, mismatches: countSchema, cleared: countSchema }).optional(),
});

const partSchema = z.object({
  peer: z.string(),
  from_token: countSchema,
  to_token: countSchema,
  receipt: checkedReceiptSchema.nullable(),
  /** The worker's signed envelope over its output up to the last checkpoint, base64. */
  checkpoint: z.string().nullable(),
  /** Tokens that neither the receipt nor the checkpoint covers. */
  unreceipted_tokens: countSchema,
});

export const answerExtensionSchema = z.object({
  job: z.string(),
  /** Of the prompt's hash in the receipt, 32 hexadecimal digits: with it the prompt can be shown to be the one. */
  salt: z.string().optional(),
  peer: z.string().nullable(),
  role: z.string().nullable(),
  path: z.string().nullable(),
  tier: z.string().nullable(),
  audit: auditSchema.optional(),
  model: z.string().nullable(),
  artefact: z.string().nullable(),
  /** The limit in effect, whatever the request asked for. */
  max_tokens: countSchema.nullable(),
  engine: z.object({ name: z.string(), build: z.string(), deviceClass: z.string() }).nullable(),
  /** Which worker delivered which tokens; one entry unless the answer was resumed elsewhere. */
  parts: z.array(partSchema),
  /** Of the worker that finished it. */
  receipt: checkedReceiptSchema.nullable(),
  warnings: z.array(z.object({ code: z.string(), param: z.string().optional(), message: z.string() })),
});
