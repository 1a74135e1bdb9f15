import type { JobState } from '#lib/peer/session/job-state.ts';
import { completion } from '#lib/protocol/kinds/completion.ts';
import { generationParamsSchema } from '#lib/protocol/kinds/generation.ts';
import { completionRequestSchema } from '#lib/protocol/openai.ts';
import type { Logprob } from '#lib/protocol/part.ts';
import { describeAnswer, finishReason, writeUsage, type AnswerFormat, type AnswerMetadata } from './answer.ts';
import { assertSupported, readModel, type ModelList } from './model-list.ts';
import { findIgnored, rejectUnsupported } from './parameters.ts';
import { parseMember, readSampling, readExtensions, readTokenLimit, type ParsedRequest } from './request.ts';

/** OpenAI's default for a completion without a limit. */
const maxTokensDefault = 16;

/**
 * Parses a request for a raw completion: the prompt reaches the model as it is, without a template.
 * @throws as `readChatRequest` does.
 */
export function readCompletionRequest(body: unknown, headers: Headers, models: ModelList): ParsedRequest {
  const request = parseMember(completionRequestSchema, body);
  const terms = readExtensions(request, headers);
  rejectUnsupported(request);
  const model = readModel(request.model, models);
  const contextTokens = models.find(request.model)?.contextTokens;
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
  assertSupported(request.model, work, models);
  return {
    model: request.model,
    answer: request.stream === true ? 'streamed' : 'whole',
    usageChunk: request.stream_options?.include_usage === true ? 'sent' : 'omitted',
    maxTokens: limit.maxTokens,
    contextTokens,
    warnings: [...limit.warnings, ...findIgnored(request, 'completion')],
    format: completionFormat,
    ask: { ...work, ...terms, model },
  };
}

/** OpenAI's `text_completion`, whole and streamed. */
export const completionFormat: AnswerFormat = {
  whole: (metadata, state) => ({
    ...common(metadata, state.worker?.model),
    choices: [choice(state.output.text, finishReason(state), writeLogprobs(state.output.logprobs, 0))],
    usage: writeUsage(state.usage),
    tabloom: describeAnswer(metadata, state),
  }),
  chunks(metadata, usageChunk) {
    const usageless = usageChunk === 'sent' ? { usage: null } : {};
    const frame = (body: object) => `data: ${JSON.stringify({ ...common(metadata), ...usageless, ...body })}\n\n`;
    let offset = 0;
    return {
      begin: () => '',
      part(part) {
        if (part.type === 'text-delta' && part.text !== '') return frame({ choices: [choice(part.text, null, null)] });
        if (part.type !== 'logprobs') return '';
        const logprobs = writeLogprobs(part.items, offset);
        offset += part.items.reduce((sum, { token }) => sum + token.length, 0);
        return frame({ choices: [choice('', null, logprobs)] });
      },
      finish(state: JobState) {
        const tabloom = describeAnswer(metadata, state);
        const last = { choices: [choice('', finishReason(state), null)] };
        if (usageChunk === 'omitted') return frame({ ...last, tabloom });
        return frame(last) + frame({ choices: [], usage: writeUsage(state.usage), tabloom });
      },
    };
  },
};

const common = ({ id, created, model }: AnswerMetadata, workersName?: string) => ({
  id: `cmpl-${id}`,
  object: 'text_completion',
  created,
  model: workersName ?? model,
});

const choice = (text: string, reason: string | null, logprobs: object | null) => ({
  index: 0,
  text,
  logprobs,
  finish_reason: reason,
});

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
