import type { JobState } from '#lib/peer/session/job-state.ts';
import { completion } from '#lib/protocol/kinds/completion.ts';
import { generationParamsSchema } from '#lib/protocol/kinds/generation.ts';
import { completionRequestSchema } from '#lib/protocol/openai.ts';
import type { Logprob } from '#lib/protocol/part.ts';
import { describeAnswer, finishReason, writeUsage, type AnswerForm, type AnswerHead } from './answer.ts';
import { assertAble, readModel, type Shelf } from './model-list.ts';
import { findWarnings, refuseUnmeetable } from './parameters.ts';
import { parseMember, readSampling, readTerms, readTokenLimit, type Wish } from './request.ts';

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

/** OpenAI's `text_completion`, whole and in pieces. */
export const completionForm: AnswerForm = {
  whole: (head, state) => ({
    ...common(head, state.worker?.model),
    choices: [choice(state.output.text, finishReason(state), writeLogprobs(state.output.logprobs, 0))],
    usage: writeUsage(state.usage),
    tabloom: describeAnswer(head, state),
  }),
  chunks(head, usageChunk) {
    const usageless = usageChunk === 'sent' ? { usage: null } : {};
    const frame = (body: object) => `data: ${JSON.stringify({ ...common(head), ...usageless, ...body })}\n\n`;
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
        const tabloom = describeAnswer(head, state);
        const last = { choices: [choice('', finishReason(state), null)] };
        if (usageChunk === 'omitted') return frame({ ...last, tabloom });
        return frame(last) + frame({ choices: [], usage: writeUsage(state.usage), tabloom });
      },
    };
  },
};

const common = ({ id, created, model }: AnswerHead, workersName?: string) => ({
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

/** The older form: lists side by side. `offset` of the first token, in characters of the answer. */
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
