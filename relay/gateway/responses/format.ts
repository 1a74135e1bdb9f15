import type { JobState } from '#lib/peer/session/job-state.ts';
import { describeAnswer, finishReason, type AnswerFormat, type AnswerMetadata } from '../answer.ts';
import type { HttpError } from '../errors.ts';
import { createItemWriter, itemsOf, type OutputItem } from './items.ts';
import type { ResponsesRequest } from './schema.ts';

type Status = 'in_progress' | 'completed' | 'incomplete' | 'failed';

/** OpenAI's `response`, whole and as events. */
export const responsesFormat = (request: ResponsesRequest): AnswerFormat => {
  const summary = request.reasoning?.summary == null ? 'omitted' : 'given';
  return {
    whole: (metadata, state) => {
      const items = itemsOf(state, { id: metadata.id, summary });
      return finished(request, metadata, state, items);
    },
    chunks(metadata) {
      let sequence = 0;
      const event = (type: string, body: object) =>
        `event: ${type}\ndata: ${JSON.stringify({ type, ...body, sequence_number: sequence++ })}\n\n`;
      const items = createItemWriter({ id: metadata.id, summary }, event);
      const begun = responseOf(request, metadata, { status: 'in_progress', output: [] });
      return {
        begin: () =>
          event('response.created', { response: begun }) + event('response.in_progress', { response: begun }),
        part: items.write,
        finish(state) {
          const closing = items.close(state);
          const response = finished(request, metadata, state, items.items());
          return `${closing}${event(`response.${response.status}`, { response })}data: [DONE]\n\n`;
        },
        fail({ body: { error } }: HttpError) {
          const { code, message, param } = error;
          const output = items.items();
          const response = responseOf(request, metadata, { status: 'failed', output, error: { code, message } });
          return event('error', { code, message, param }) + event('response.failed', { response });
        },
      };
    },
  };
};

function finished(request: ResponsesRequest, metadata: AnswerMetadata, state: JobState, output: readonly OutputItem[]) {
  const reason = finishReason(state);
  const cut = reason === 'length' ? 'max_output_tokens' : reason === 'content_filter' ? 'content_filter' : undefined;
  const endedAt = state.endedAt === undefined ? null : Math.floor(state.endedAt / 1_000);
  const { tokensIn, tokensOut } = state.usage ?? { tokensIn: 0, tokensOut: 0 };
  return {
    ...responseOf(request, metadata, { status: cut ? 'incomplete' : 'completed', output }),
    completed_at: cut ? null : endedAt,
    incomplete_details: cut ? { reason: cut } : null,
    usage: {
      input_tokens: tokensIn,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: tokensOut,
      output_tokens_details: { reasoning_tokens: Math.min(tokensOut, state.output.reasoningTokens) },
      total_tokens: tokensIn + tokensOut,
    },
    tabloom: describeAnswer(metadata, state),
  };
}

interface Progress {
  readonly status: Status;
  readonly output: readonly OutputItem[];
  readonly error?: { readonly code: string | null; readonly message: string };
}

/** Every member that the specification requires, with the settings in effect as the caller gave them. */
function responseOf(request: ResponsesRequest, metadata: AnswerMetadata, { status, output, error }: Progress) {
  return {
    id: `resp_${metadata.id}`,
    object: 'response' as const,
    created_at: metadata.created,
    completed_at: null as number | null,
    status,
    background: false,
    error: error ?? null,
    incomplete_details: null as { readonly reason: string } | null,
    instructions: request.instructions ?? null,
    max_output_tokens: request.max_output_tokens ?? null,
    max_tool_calls: null,
    model: metadata.model,
    output,
    parallel_tool_calls: request.parallel_tool_calls ?? true,
    previous_response_id: null,
    reasoning: { effort: request.reasoning?.effort ?? null, summary: request.reasoning?.summary ?? null },
    service_tier: 'default',
    store: false,
    temperature: request.temperature ?? 1,
    text: { format: request.text?.format ?? { type: 'text' } },
    tool_choice: request.tool_choice ?? 'auto',
    tools: request.tools ?? [],
    top_logprobs: request.top_logprobs ?? 0,
    top_p: request.top_p ?? 1,
    presence_penalty: request.presence_penalty ?? 0,
    frequency_penalty: request.frequency_penalty ?? 0,
    truncation: request.truncation ?? 'disabled',
    usage: null as object | null,
    user: request.user ?? null,
    safety_identifier: request['safety_identifier'] ?? null,
    prompt_cache_key: request['prompt_cache_key'] ?? null,
    metadata: request['metadata'] ?? {},
  };
}
