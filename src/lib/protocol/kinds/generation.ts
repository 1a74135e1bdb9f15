import { z } from 'zod';
import { textSchema } from '../bounded.ts';
import { limits } from '../limits.ts';
import { nameSchema, wordSchema } from '../word.ts';

/** How text is generated; shared by `chat` and `completion`. Absent: the engine's own default. */
export type GenerationParams = z.output<typeof generationParamsSchema>;
export type ResponseFormat = z.output<typeof responseFormatSchema>;
export type ToolChoice = z.output<typeof toolChoiceSchema>;

/** Functions are named as OpenAI's clients may name them. */
export const functionNameSchema = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'letters, digits, _ and -, at most 64');

/** A JSON document as its text: CBOR has one encoding of a value, JSON many, and a hash needs the asker's own. */
export const jsonTextSchema = textSchema(limits.jsonTextBytesMax).refine(isJson, 'expected a JSON document');

/** What the answer must be. `json-schema`: valid under this schema, by grammar, or cut with `length`. */
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
  /** Of the whole answer, what was resumed included. */
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
  /** Pairs of a token id of this artefact and what is added to its logit. */
  logitBias: z
    .array(z.tuple([tokenId, z.number().min(-100).max(100)]))
    .max(limits.logitBiasMax)
    .optional(),
  /** Log-probabilities are wanted, with so many alternatives at each position. */
  logprobs: z.number().int().min(0).max(limits.topLogprobsMax).optional(),
  responseFormat: responseFormatSchema.optional(),
  toolChoice: toolChoiceSchema.optional(),
  parallelToolCalls: z.boolean().optional(),
  /** `none`, `minimal`, `low`, `medium`, `high`; an engine that does not reason says so in a warning. */
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
