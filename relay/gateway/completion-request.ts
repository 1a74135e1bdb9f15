import { completion } from '#lib/protocol/kinds/completion.ts';
import { generationParamsSchema } from '#lib/protocol/kinds/generation.ts';
import { completionRequestSchema } from '#lib/protocol/openai.ts';
import { completionForm } from './completion-answer.ts';
import { parseMember } from './parse.ts';
import { readSampling, readTokenLimit } from './sampling.ts';
import { assertAble, readModel, type Shelf } from './shelf.ts';
import { readTerms } from './terms.ts';
import { findWarnings, refuseUnmeetable } from './warnings.ts';
import type { Wish } from './wish.ts';

/** What OpenAI gives a completion that names no limit. */
const maxTokensDefault = 16;

/**
 * Reads a request for a raw completion: the prompt goes to the model as it is, no template is applied.
 * @throws as `readChatRequest` does.
 */
export function readCompletionRequest(body: unknown, headers: Headers, shelf: Shelf): Wish {
  const request = parseMember(completionRequestSchema, body);
  const terms = readTerms(request, headers);
  refuseUnmeetable(request);
  const model = readModel(request.model, shelf);
  const contextTokens = shelf.find(request.model)?.contextTokens;
  const limit = readTokenLimit({ max_tokens: request.max_tokens }, contextTokens, maxTokensDefault);
  const prompt = typeof request.prompt === 'string' ? request.prompt : request.prompt[0];
  const work = {
    kind: 'completion' as const,
    input: parseMember(completion.input, { prompt }),
    params: parseMember(generationParamsSchema, {
      maxTokens: limit.maxTokens,
      ...readSampling(request),
      logprobs: request.logprobs ?? undefined,
    }),
  };
  assertAble(request.model, work, shelf);
  return {
    model: request.model,
    answer: request.stream === true ? 'streamed' : 'whole',
    usageChunk: request.stream_options?.include_usage === true ? 'sent' : 'omitted',
    maxTokens: limit.maxTokens,
    contextTokens,
    warnings: [...limit.warnings, ...findWarnings(request, 'completion')],
    form: completionForm,
    ask: { ...work, ...terms, model },
  };
}
