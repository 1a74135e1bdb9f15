import type { z } from 'zod';
import { completion } from '#lib/protocol/kinds/completion.ts';
import { generationParamsSchema } from '#lib/protocol/kinds/generation.ts';
import { completionRequestSchema, textCompletionSchema, usageBodySchema } from '#lib/protocol/openai.ts';
import type { Logprob } from '#lib/protocol/part.ts';
import { completionFormat } from './completion-format.ts';
import { endpoint } from './endpoint.ts';
import { badRequest } from './errors.ts';
import { isDefault } from './parameters.ts';
import { parseMember, readSampling, readTokenLimit } from './request.ts';

type CompletionRequest = z.output<typeof completionRequestSchema>;

/** OpenAI's default for a completion without a limit. */
const maxTokensDefault = 16;

/** `POST /v1/completions`: the prompt reaches the model as it is, without a template. */
export const completionEndpoint = endpoint(
  {
    summary: 'Continues a raw prompt.',
    request: completionRequestSchema,
    answer: textCompletionSchema,
    event: textCompletionSchema.extend({ usage: usageBodySchema.nullish() }),
  },
  (request, contextTokens) => {
    rejectChatMembers(request);
    const limit = readTokenLimit({ max_tokens: request.max_tokens }, contextTokens, maxTokensDefault);
    const prompt = typeof request.prompt === 'string' ? request.prompt : request.prompt[0];
    const input = parseMember(completion.input, { prompt });
    const logprobs = request.logprobs ?? undefined;
    const params = { maxTokens: limit.maxTokens, ...readSampling(request), logprobs };
    return {
      work: { kind: 'completion', input, params: parseMember(generationParamsSchema, params) },
      limit,
      format: textFormat,
    };
  },
);

/** Ignored, they would give prose to those who ask for JSON or a call. */
function rejectChatMembers(request: CompletionRequest): void {
  for (const param of ['response_format', 'tools', 'tool_choice', 'messages']) {
    if (isDefault(request[param]) || request[param] === 'none' || request[param] === 'auto') continue;
    throw badRequest(`"${param}" belongs to chats. Send it to /v1/chat/completions.`, param);
  }
}

/** OpenAI's `text_completion`, whole and streamed. */
const textFormat = completionFormat({
  idPrefix: 'cmpl-',
  object: 'text_completion',
  chunkObject: 'text_completion',
  choice: ({ output }) => choice(output.text, writeLogprobs(output.logprobs, 0)),
  chunks() {
    let offset = 0;
    return {
      first: undefined,
      part(part) {
        if (part.type === 'text-delta' && part.text !== '') return choice(part.text, null);
        if (part.type !== 'logprobs') return undefined;
        const logprobs = writeLogprobs(part.items, offset);
        offset += part.items.reduce((sum, { token }) => sum + token.length, 0);
        return choice('', logprobs);
      },
      last: choice('', null),
    };
  },
});

function choice(text: string, logprobs: object | null): object {
  return { text, logprobs };
}

/** The legacy format: parallel lists. `offset` is that of the first token, in characters of the answer. */
function writeLogprobs(items: readonly Logprob[], offset: number) {
  if (items.length === 0) return null;
  let at = offset;
  return {
    tokens: items.map(({ token }) => token),
    token_logprobs: items.map(({ logprob }) => logprob),
    top_logprobs: items.map(({ top }) => Object.fromEntries(top.map(({ token, logprob }) => [token, logprob]))),
    text_offset: items.map(({ token }) => {
      at += token.length;
      return at - token.length;
    }),
  };
}
