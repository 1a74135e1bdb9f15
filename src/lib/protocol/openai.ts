import { z } from 'zod';

/**
 * OpenAI's API as clients actually use it: unknown members pass, `null` means default, numbers may be absent. One set
 * of schemas for the gateway and for the `openai-compatible` engine. Each error message completes a sentence that
 * starts with the member's name and states what is allowed. Reference: platform.openai.com/docs/api-reference.
 */
export type ChatCompletionRequest = z.output<typeof chatCompletionRequestSchema>;
export type SamplingRequest = z.output<typeof samplingSchema>;
export type RequestMessage = ChatCompletionRequest['messages'][number];
export type ChatCompletionChunk = z.output<typeof chatCompletionChunkSchema>;
export type OpenAIErrorBody = z.output<typeof openAIErrorBodySchema>;
export type TokenLogprob = z.output<typeof tokenLogprobSchema>;

const number = (min: number, max: number) => {
  const error = `must be a number from ${min} to ${max}`;
  return z.number({ error }).min(min, { error }).max(max, { error }).nullish();
};
const whole = (min: number, max: number) => {
  const error = `must be a whole number from ${min} to ${max}`;
  return z.number({ error }).int({ error }).min(min, { error }).max(max, { error }).nullish();
};
const flag = z.boolean({ error: 'must be true or false' }).nullish();
const text = z.string({ error: 'must be a string' });

const tokenLimitError = 'must be a whole number of tokens, at least 1; null, 0 and -1 set no limit';
const tokenLimit = z
  .number({ error: tokenLimitError })
  .int({ error: tokenLimitError })
  .min(-1, { error: tokenLimitError });

const stopError = 'must be a string or a list of at most 4 strings';

/** Members that the requests of all routes share. */
export const requestSchema = z.looseObject({
  model: text.min(1, { error: 'must name a model' }),
  stream: flag,
  stream_options: z.looseObject({ include_usage: flag }, { error: 'must be an object' }).nullish(),
  user: text.nullish(),
  /** In place of `user`, for callers that ask on behalf of others. */
  safety_identifier: text.nullish(),
  /** OpenRouter's: models to fall back to, in order. */
  models: z
    .array(text.min(1), { error: 'must be a list of model names' })
    .max(8, { error: 'must name at most 8 models' })
    .nullish(),
  /** OpenRouter's: which workers may do the job. Validated where it is read: its members are open. */
  provider: z.looseObject({}, { error: 'must be an object' }).nullish(),
});

/** Members that chat and text completions share, including the extensions of vLLM and llama.cpp. */
export const samplingSchema = requestSchema.extend({
  max_tokens: tokenLimit.nullish(),
  temperature: number(0, 2),
  top_p: number(0, 1),
  top_k: whole(-1, 1_000_000),
  min_p: number(0, 1),
  repetition_penalty: number(0, 2),
  frequency_penalty: number(-2, 2),
  presence_penalty: number(-2, 2),
  seed: z.number({ error: 'must be a whole number' }).int({ error: 'must be a whole number' }).nullish(),
  stop: z.union([z.string(), z.array(z.string()).max(4)], { error: stopError }).nullish(),
  logit_bias: z
    .record(z.string().regex(/^\d{1,10}$/), z.number().min(-100).max(100), {
      error: 'must map token ids to numbers from -100 to 100',
    })
    .nullish(),
  n: z.number({ error: 'must be 1' }).nullish(),
});

const functionSchema = z.looseObject({ name: text.min(1) }, { error: 'must have a name' });

export const requestToolCallSchema = z.looseObject({
  id: text.min(1, { error: 'must not be empty' }),
  type: z.literal('function', { error: 'must be "function"' }).nullish(),
  function: z.looseObject({ name: text, arguments: text }, { error: 'must have a name and arguments' }),
});

const contentSchema = z.union(
  [
    z.string(),
    z.array(
      z.looseObject({
        type: z.string(),
        text: z.string().nullish(),
        refusal: z.string().nullish(),
        image_url: z.union([z.string(), z.looseObject({ url: z.string().nullish() })]).nullish(),
      }),
    ),
    z.null(),
  ],
  { error: 'must be a string, null, or a list of parts with a type' },
);

export const chatCompletionRequestSchema = samplingSchema.extend({
  messages: z
    .array(
      z.looseObject({
        role: z.enum(['system', 'developer', 'user', 'assistant', 'tool'], {
          error: 'must be system, developer, user, assistant or tool',
        }),
        content: contentSchema.optional(),
        name: text.nullish(),
        tool_calls: z.array(requestToolCallSchema, { error: 'must be a list of calls' }).nullish(),
        tool_call_id: text.nullish(),
      }),
      { error: 'must be a list of messages' },
    )
    .min(1, { error: 'must have at least one message' }),
  max_completion_tokens: tokenLimit.nullish(),
  tools: z
    .array(
      z.looseObject({
        type: z.literal('function', {
          error: 'must be "function": tools run on the client, never on the server',
        }),
        function: functionSchema.extend({
          description: text.nullish(),
          parameters: z.looseObject({}, { error: 'must be a JSON Schema, as an object' }).nullish(),
        }),
      }),
      { error: 'must be a list of tools' },
    )
    .nullish(),
  tool_choice: z
    .union(
      [z.enum(['none', 'auto', 'required']), z.looseObject({ type: z.literal('function'), function: functionSchema })],
      { error: 'must be "none", "auto", "required" or {"type": "function", "function": {"name": …}}' },
    )
    .nullish(),
  parallel_tool_calls: flag,
  response_format: z
    .discriminatedUnion(
      'type',
      [
        z.looseObject({ type: z.literal('text') }),
        z.looseObject({
          type: z.literal('json_object'),
          // As llama.cpp, Together and clients made for them write it.
          schema: z.looseObject({}, { error: 'must be a JSON Schema, as an object' }).nullish(),
        }),
        z.looseObject({
          type: z.literal('json_schema'),
          json_schema: z.looseObject(
            { name: text.nullish(), schema: z.looseObject({}, { error: 'must be a JSON Schema, as an object' }) },
            { error: 'must have a schema' },
          ),
        }),
      ],
      { error: 'must have the type text, json_object or json_schema' },
    )
    .nullish(),
  logprobs: flag,
  top_logprobs: whole(0, 20),
  reasoning_effort: z
    .string()
    .regex(/^[a-z]{1,16}$/, { error: 'must be a word such as low, medium or high' })
    .nullish(),
});

/** The legacy completions API: continues a raw prompt. */
export const completionRequestSchema = samplingSchema.extend({
  prompt: z.union([z.string(), z.tuple([z.string()])], {
    error: 'must be one string; lists of prompts and token ids are not supported',
  }),
  logprobs: whole(0, 20),
  best_of: z.literal(1, { error: 'must be 1' }).nullish(),
});

export const embeddingRequestSchema = requestSchema.extend({
  stream: z
    .boolean()
    .refine((asked) => !asked, { error: 'must be false: embeddings are not streamed' })
    .nullish(),
  input: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)], {
    error: 'must be a string or a list of strings, none of them empty; token ids are not supported',
  }),
  encoding_format: z.enum(['float', 'base64'], { error: 'must be float or base64' }).nullish(),
  dimensions: whole(1, 8_192),
});

export const usageBodySchema = z.looseObject({
  prompt_tokens: z.number().int().nonnegative(),
  completion_tokens: z.number().int().nonnegative(),
  total_tokens: z.number().int().nonnegative(),
});

const finishReason = z.enum(['stop', 'length', 'tool_calls', 'content_filter', 'function_call']);

const tokenSchema = z.looseObject({
  token: z.string(),
  logprob: z.number(),
  bytes: z.array(z.number().int().min(0).max(255)).nullish(),
});
export const tokenLogprobSchema = tokenSchema.extend({ top_logprobs: z.array(tokenSchema).nullish() });
const logprobsSchema = z.looseObject({ content: z.array(tokenLogprobSchema).nullish() }).nullish();

export const chatCompletionSchema = z.looseObject({
  id: z.string(),
  object: z.literal('chat.completion'),
  created: z.number().int(),
  model: z.string(),
  choices: z.array(
    z.looseObject({
      index: z.number().int(),
      message: z.looseObject({
        role: z.literal('assistant'),
        content: z.string().nullable(),
        reasoning_content: z.string().nullish(),
        tool_calls: z.array(requestToolCallSchema).optional(),
      }),
      logprobs: logprobsSchema,
      finish_reason: finishReason.nullable(),
    }),
  ),
  usage: usageBodySchema.optional(),
});

export const textCompletionSchema = z.looseObject({
  id: z.string(),
  object: z.literal('text_completion'),
  created: z.number().int(),
  model: z.string(),
  choices: z.array(
    z.looseObject({
      index: z.number().int(),
      text: z.string(),
      logprobs: z.looseObject({}).nullable(),
      finish_reason: finishReason.nullable(),
    }),
  ),
  usage: usageBodySchema,
});

export const embeddingListSchema = z.looseObject({
  object: z.literal('list'),
  data: z.array(
    z.looseObject({
      object: z.literal('embedding'),
      index: z.number().int(),
      embedding: z.union([z.array(z.number()), z.string()]),
    }),
  ),
  model: z.string(),
  usage: usageBodySchema,
});

export const chatCompletionChunkSchema = z.looseObject({
  id: z.string().optional(),
  object: z.literal('chat.completion.chunk').optional(),
  created: z.number().optional(),
  model: z.string().optional(),
  choices: z.array(
    z.looseObject({
      index: z.number().int().optional(),
      delta: z
        .looseObject({
          role: z.string().nullish(),
          content: z.string().nullish(),
          reasoning_content: z.string().nullish(),
          tool_calls: z
            .array(
              z.looseObject({
                index: z.number().int(),
                id: z.string().optional(),
                function: z.looseObject({ name: z.string().optional(), arguments: z.string().optional() }).optional(),
              }),
            )
            .optional(),
        })
        .optional(),
      logprobs: logprobsSchema,
      finish_reason: finishReason.nullish(),
    }),
  ),
  usage: usageBodySchema.nullish(),
});

export const openAIErrorBodySchema = z.object({
  error: z.object({
    message: z.string(),
    type: z.string(),
    param: z.string().nullable(),
    code: z.string().nullable(),
  }),
});
