import { z } from 'zod';
import { samplingSchema } from '#lib/protocol/openai.ts';

/**
 * OpenAI's Responses API as clients use it, and as the public Open Responses specification describes it. Unknown members
 * pass, `null` means default. Messages complete a sentence that starts with the member's name.
 * Reference: platform.openai.com/docs/api-reference/responses, openresponses.org/specification.
 */
export type ResponsesRequest = z.output<typeof responsesRequestSchema>;
export type InputItem = z.output<typeof inputItemSchema>;
export type InputPart = z.output<typeof inputPartSchema>;

const text = z.string({ error: 'must be a string' });
const jsonSchema = z.looseObject({}, { error: 'must be a JSON Schema, as an object' });
const tokenLimit = 'must be a whole number of tokens, at least 1';

const inputPartSchema = z.looseObject({
  type: z.string(),
  text: z.string().nullish(),
  refusal: z.string().nullish(),
  image_url: z.string().nullish(),
});

const contentSchema = z.union([z.string(), z.array(inputPartSchema)], {
  error: 'must be a string or a list of parts with a type',
});

const inputItemSchema = z.looseObject({
  type: z.string().nullish(),
  role: z
    .enum(['user', 'assistant', 'system', 'developer'], { error: 'must be user, assistant, system or developer' })
    .nullish(),
  content: contentSchema.nullish(),
  call_id: text.nullish(),
  name: text.nullish(),
  arguments: text.nullish(),
  output: contentSchema.nullish(),
});

const toolName = z.looseObject({ type: z.string(), name: text.nullish() });

export const responsesRequestSchema = samplingSchema.omit({ max_tokens: true, n: true }).extend({
  input: z.union([z.string(), z.array(inputItemSchema).min(1)], {
    error: 'must be a string or a list of items, at least one',
  }),
  instructions: text.nullish(),
  max_output_tokens: z.number({ error: tokenLimit }).int({ error: tokenLimit }).min(1, { error: tokenLimit }).nullish(),
  tools: z
    .array(
      z.looseObject({
        type: z.literal('function', { error: 'must be "function": tools run on the client, never on the server' }),
        name: text.min(1),
        description: text.nullish(),
        parameters: jsonSchema.nullish(),
      }),
      { error: 'must be a list of tools' },
    )
    .nullish(),
  tool_choice: z
    .union(
      [
        z.enum(['none', 'auto', 'required']),
        z.looseObject({ type: z.literal('function'), name: text.min(1) }),
        z.looseObject({
          type: z.literal('allowed_tools'),
          mode: z.enum(['auto', 'required']),
          tools: z.array(toolName).min(1),
        }),
      ],
      { error: 'must be "none", "auto", "required", {"type": "function", "name": …} or a list of allowed tools' },
    )
    .nullish(),
  parallel_tool_calls: z.boolean({ error: 'must be true or false' }).nullish(),
  text: z
    .looseObject({
      format: z
        .discriminatedUnion(
          'type',
          [
            z.looseObject({ type: z.literal('text') }),
            z.looseObject({ type: z.literal('json_object') }),
            z.looseObject({ type: z.literal('json_schema'), name: text.nullish(), schema: jsonSchema }),
          ],
          { error: 'must have the type text, json_object or json_schema' },
        )
        .nullish(),
    })
    .nullish(),
  reasoning: z
    .looseObject({
      effort: z
        .string()
        .regex(/^[a-z]{1,16}$/, { error: 'must be a word such as low, medium or high' })
        .nullish(),
      summary: z.enum(['auto', 'concise', 'detailed'], { error: 'must be auto, concise or detailed' }).nullish(),
    })
    .nullish(),
  truncation: z.enum(['auto', 'disabled'], { error: 'must be "auto" or "disabled"' }).nullish(),
  include: z.array(text, { error: 'must be a list of strings' }).nullish(),
  top_logprobs: z
    .number({ error: 'must be a whole number from 0 to 20' })
    .int({ error: 'must be a whole number from 0 to 20' })
    .min(0, { error: 'must be a whole number from 0 to 20' })
    .max(20, { error: 'must be a whole number from 0 to 20' })
    .nullish(),
  /** Answers are not stored: only `false` can be granted. */
  store: z
    .boolean({ error: 'must be true or false' })
    .refine((asked) => !asked, { error: 'must be false: this relay stores no answers' })
    .nullish(),
});

const statusSchema = z.enum(['in_progress', 'completed', 'incomplete', 'failed']);

export const responseSchema = z.looseObject({
  id: z.string(),
  object: z.literal('response'),
  created_at: z.number().int(),
  status: statusSchema,
  model: z.string(),
  output: z.array(z.looseObject({ type: z.enum(['reasoning', 'message', 'function_call']), id: z.string() })),
  error: z.looseObject({ code: z.string().nullable(), message: z.string() }).nullable(),
  incomplete_details: z.looseObject({ reason: z.enum(['max_output_tokens', 'content_filter']) }).nullable(),
  usage: z
    .looseObject({
      input_tokens: z.number().int(),
      output_tokens: z.number().int(),
      output_tokens_details: z.looseObject({ reasoning_tokens: z.number().int() }),
      total_tokens: z.number().int(),
    })
    .nullable(),
  store: z.literal(false),
});

/** An event of a stream. What it holds depends on its type; the response itself stands in the first and the last. */
export const responseEventSchema = z.looseObject({
  type: z.string(),
  sequence_number: z.number().int().nonnegative(),
  response: responseSchema.optional(),
});
