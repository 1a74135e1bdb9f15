import { z } from 'zod';
import { bytesSchema, someBytesSchema, textSchema } from './bounded.ts';
import { errorCodeSchema, errorMessageSchema } from './errors.ts';
import { limits } from './limits.ts';
import { mimeSchema } from './kinds/blob.ts';
import { functionNameSchema } from './kinds/generation.ts';
import { wordSchema, type Word } from './word.ts';

/**
 * A piece of an answer. `tokens` counts the tokens of this piece; text may lag behind tokens (partial UTF-8). Types are
 * an open list: parts of an unknown type are skipped.
 */
export type Part = z.output<typeof partSchema>;
export type PartType = Part['type'];
export type KnownFinishReason = (typeof finishReasons)[number];
export type FinishReason = Word<KnownFinishReason>;
export type Usage = z.output<typeof usageSchema>;
export type Logprob = z.output<typeof logprobSchema>;

/** Token ids where the engine reports them; re-tokenising text drifts by 1–3 %. */
const tokenIdsSchema = z.array(z.number().int().min(0).max(0xffff_ffff)).max(limits.tokensPerPartMax);
const tokens = z.number().int().min(0).max(limits.tokensPerPartMax);
const deltaSchema = { text: textSchema(limits.partTextBytesMax), tokens, ids: tokenIdsSchema.optional() };
const logprob = z.number().max(0).min(-1e9);
const tokenText = {
  token: textSchema(limits.stopSequenceBytesMax),
  bytes: bytesSchema(limits.stopSequenceBytesMax).optional(),
};
const index = z.number().int().min(0);

const logprobSchema = z.object({
  ...tokenText,
  logprob,
  top: z.array(z.object({ ...tokenText, logprob })).max(limits.topLogprobsMax),
});

export const partSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text-delta'), ...deltaSchema }),
  /** The model's reasoning before its answer. */
  z.object({ type: z.literal('reasoning-delta'), ...deltaSchema }),
  /** A fragment of a tool call; `id` and `name` come with the first fragment of each `index`. */
  z.object({
    type: z.literal('tool-call-delta'),
    index: index.max(limits.toolCallsMax - 1),
    id: z.string().min(1).max(limits.wordLengthMax).optional(),
    name: functionNameSchema.optional(),
    arguments: textSchema(limits.partTextBytesMax),
    tokens,
    ids: tokenIdsSchema.optional(),
  }),
  /** For the tokens of the preceding part, in order. Unverified: no audit relies on them. */
  z.object({ type: z.literal('logprobs'), items: z.array(logprobSchema).min(1).max(limits.logprobsPerPartMax) }),
  /** A vector of little-endian 32-bit floats. */
  z.object({
    type: z.literal('embedding'),
    index: index.max(limits.embeddingTextsMax - 1),
    vector: bytesSchema(limits.embeddingDimensionsMax * 4).refine(
      (bytes) => bytes.length > 0 && bytes.length % 4 === 0,
      'expected 32-bit floats',
    ),
  }),
  /** Bytes of an output file, such as an image or audio. */
  z.object({
    type: z.literal('data-delta'),
    index: index.max(limits.dataFilesMax - 1),
    mime: mimeSchema,
    bytes: someBytesSchema(limits.blobFrameBytesMax),
  }),
  z.object({ type: z.literal('warning'), code: errorCodeSchema, message: errorMessageSchema }),
]);

const finishReasons = ['stop', 'length', 'tool-calls', 'content-filter', 'cancelled', 'unpaid', 'budget'] as const;

/**
 * `stop`: end of text or a stop sequence; `length`: `maxTokens` reached or context full; `tool-calls`: the asker must
 * run the calls; `content-filter`: withheld by the worker's policy; `cancelled`: stopped by the asker; `unpaid`: what was
 * due was not paid in time; `budget`: more would cost more than the asker allows. Newer peers may send other words.
 */
export const finishReasonSchema: z.ZodType<FinishReason> = wordSchema;

/** Amounts used by a job, in the units of its kind. */
export const usageSchema = z.object({
  tokensIn: z.number().int().nonnegative(),
  tokensOut: z.number().int().nonnegative(),
});
