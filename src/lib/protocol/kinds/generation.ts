import { z } from 'zod';
import { textSchema } from '../bounded.ts';
import { limits } from '../limits.ts';
import { nameSchema, wordSchema } from '../word.ts';

/** Generation parameters shared by `chat` and `completion`. An absent member means the engine's default. */
export type GenerationParams = z.output<typeof generationParamsSchema>;
export type ResponseFormat = z.output<typeof responseFormatSchema>;
export type ToolChoice = z.output<typeof toolChoiceSchema>;

/** The same rule as OpenAI's for function names. */
export const functionNameSchema = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'letters, digits, _ and -, at most 64');

/** A JSON document kept as text: JSON has many encodings of one value, and the hash must cover the asker's own. */
export const jsonTextSchema = textSchema(limits.jsonTextBytesMax).refine(isJson, 'expected a JSON document');

/**
 * Required format of the answer. `json-schema` is enforced by grammar: the answer validates unless it was cut off with
 * `length`.
 */
const responseFormatSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text') }),
  z.strictObject({ type: z.literal('json-object') }),
  z.strictObject({ type: z.literal('json-schema'), name: nameSchema.optional(), schema: jsonTextSchema }),
]);

const toolChoiceSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('auto') }),
  z.strictObject({ type: z.literal('none') }),
  z.strictObject({ type: z.literal('required') }),
  z.strictObject({ type: z.literal('named'), name: functionNameSchema }),
]);

const tokenId = z.number().int().min(0).max(0xffff_ffff);

export const generationParamsSchema = z.strictObject({
  /** Limit for the whole answer, resumed tokens included. */
  maxTokens: z.number().int().min(1).max(limits.maxTokensMax),
  temperature: z.number().min(0).max(2).optional(),
  topP: z.number().gt(0).max(1).optional(),
  topK: z.number().int().min(1).max(limits.topKMax).optional(),
  minP: z.number().min(0).max(1).optional(),
  repetitionPenalty: z.number().gt(0).max(2).optional(),
  frequencyPenalty: z.number().min(-2).max(2).optional(),
  presencePenalty: z.number().min(-2).max(2).optional(),
  seed: z.number().int().min(0).max(0xffff_ffff).optional(),
  stop: z.array(textSchema(limits.stopSequenceBytesMax).min(1)).max(limits.stopSequencesMax).optional(),
  /** Pairs of a token id (of this artefact) and the value added to its logit. */
  logitBias: z
    .array(z.tuple([tokenId, z.number().min(-100).max(100)]))
    .max(limits.logitBiasMax)
    .optional(),
  /** Request log-probabilities, with this many alternatives per position. */
  logprobs: z.number().int().min(0).max(limits.topLogprobsMax).optional(),
  responseFormat: responseFormatSchema.optional(),
  toolChoice: toolChoiceSchema.optional(),
  parallelToolCalls: z.boolean().optional(),
  /** `none`, `minimal`, `low`, `medium`, `high`; an engine without reasoning sends a warning. */
  reasoningEffort: wordSchema.optional(),
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
