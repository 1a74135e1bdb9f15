import { z } from 'zod';
import { errorCodeSchema, errorMessageSchema } from './errors.ts';
import { limits } from './limits.ts';
import { textSchema } from './bounded.ts';

/** A piece of an answer. `tokens` counts the tokens behind this piece; text may lag behind tokens (partial UTF-8). */
export type Part = z.output<typeof partSchema>;
export type FinishReason = z.output<typeof finishReasonSchema>;
export type Usage = z.output<typeof usageSchema>;

/** Token ids where the engine gives them; re-tokenising text drifts by 1–3 %. */
const tokenIdsSchema = z.array(z.number().int().min(0).max(0xffff_ffff)).max(limits.tokensPerPartMax);

export const partSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('text-delta'),
    text: textSchema(limits.partTextBytesMax),
    tokens: z.number().int().min(0).max(limits.tokensPerPartMax),
    ids: tokenIdsSchema.optional(),
  }),
  z.object({ type: z.literal('warning'), code: errorCodeSchema, message: errorMessageSchema }),
]);

/** `stop`: end of text or a stop sequence; `length`: `maxTokens` or the context is full; `cancelled`: the asker stopped it. */
export const finishReasonSchema = z.enum(['stop', 'length', 'cancelled']);

export const usageSchema = z.object({
  tokensIn: z.number().int().nonnegative(),
  tokensOut: z.number().int().nonnegative(),
});
