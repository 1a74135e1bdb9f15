import type { JobState } from '#lib/peer/session/job-state.ts';
import { chat, type ChatInput } from '#lib/protocol/kinds/chat.ts';
import {
  generationParamsSchema,
  type GenerationParams,
  type ResponseFormat,
  type ToolChoice,
} from '#lib/protocol/kinds/generation.ts';
import {
  chatCompletionRequestSchema,
  type ChatCompletion,
  type ChatCompletionRequest,
  type TokenLogprob,
} from '#lib/protocol/openai.ts';
import type { Logprob, Part } from '#lib/protocol/part.ts';
import {
  describeAnswer,
  finishReason,
  writeUsage,
  type AnswerFormat,
  type AnswerMetadata,
  type ChunkWriter,
} from './answer.ts';
import { badRequest } from './errors.ts';
import { readConversation } from './messages.ts';
import { assertSupported, readModel, type ModelList } from './model-list.ts';
import { findIgnored, rejectUnsupported } from './parameters.ts';
import { parseMember, readSampling, readExtensions, readTokenLimit, type ParsedRequest } from './request.ts';

/**
 * Parses a chat completion request. Parameters that would change the answer are honoured or refused; harmless ones that
 * are ignored come back as warnings.
 * @throws `bad-request` with the `param` that is wrong, `model-not-found`, `feature-unavailable`, `tier-unavailable`,
 * `too-long`.
 */
export function readChatRequest(body: unknown, headers: Headers, models: ModelList): ParsedRequest {
  const request = parseMember(chatCompletionRequestSchema, body);
  const terms = readExtensions(request, headers);
  rejectUnsupported(request);
  const model = readModel(request.model, models);
  const contextTokens = models.find(request.model)?.contextTokens;
  const { max_completion_tokens, max_tokens } = request;
  const limit = readTokenLimit({ max_completion_tokens, max_tokens }, contextTokens);
  const { messages, blobs } = readConversation(request.messages);
  const tools = readTools(request);
  const input = parseMember(chat.input, { messages, ...(tools.length > 0 ? { tools } : {}) });
  const params = parseMember(generationParamsSchema, readParams(request, tools, limit.maxTokens));
  const work = { kind: 'chat' as const, input, params };
  assertSupported(request.model, work, models);
  return {
    model: request.model,
    answer: request.stream === true ? 'streamed' : 'whole',
    usageChunk: request.stream_options?.include_usage === true ? 'sent' : 'omitted',
    maxTokens: limit.maxTokens,
    contextTokens,
    warnings: [...limit.warnings, ...findIgnored(request, 'chat')],
    format: chatFormat,
    ask: { ...work, ...terms, model, ...(blobs.size > 0 ? { blobs } : {}) },
  };
}

function readTools({ tools }: ChatCompletionRequest): NonNullable<ChatInput['tools']> {
  return (tools ?? []).map(({ function: { name, description, parameters } }) => ({
    name,
    ...(description == null ? {} : { description }),
    ...(parameters == null ? {} : { parameters: JSON.stringify(parameters) }),
  }));
}

function readParams(
  request: ChatCompletionRequest,
  tools: readonly { readonly name: string }[],
  maxTokens: number,
): GenerationParams {
  if ((request.top_logprobs ?? 0) > 0 && request.logprobs !== true) {
    throw badRequest('"top_logprobs" needs "logprobs": true.', 'top_logprobs');
  }
  return {
    maxTokens,
    ...readSampling(request),
    logprobs: request.logprobs === true ? (request.top_logprobs ?? 0) : undefined,
    responseFormat: readFormat(request.response_format),
    toolChoice: readToolChoice(request.tool_choice, tools),
    parallelToolCalls: tools.length > 0 ? (request.parallel_tool_calls ?? undefined) : undefined,
    reasoningEffort: request.reasoning_effort ?? undefined,
  };
}

function readFormat(format: ChatCompletionRequest['response_format']): ResponseFormat | undefined {
  if (format == null || format.type === 'text') return undefined;
  if (format.type === 'json_object') return { type: 'json-object' };
  const { name, schema } = format.json_schema;
  return { type: 'json-schema', ...(name ? { name } : {}), schema: JSON.stringify(schema) };
}

function readToolChoice(
  choice: ChatCompletionRequest['tool_choice'],
  tools: readonly { readonly name: string }[],
): ToolChoice | undefined {
  // Without tools, "auto" and "none" change nothing.
  if (choice == null || (tools.length === 0 && (choice === 'auto' || choice === 'none'))) return undefined;
  if (tools.length === 0) throw badRequest('"tool_choice" needs "tools" to choose from.', 'tool_choice');
  if (typeof choice === 'string') return { type: choice };
  const { name } = choice.function;
  if (!tools.some((tool) => tool.name === name)) {
    throw badRequest(`"tool_choice" names "${name.slice(0, 64)}", which is not in "tools".`, 'tool_choice');
  }
  return { type: 'named', name };
}

/** OpenAI's `chat.completion` and its chunks. */
export const chatFormat: AnswerFormat = { whole: writeCompletion, chunks: createChunkWriter };

function writeCompletion(metadata: AnswerMetadata, state: JobState): ChatCompletion {
  const { text, reasoning, toolCalls, logprobs } = state.output;
  return {
    id: completionId(metadata.id),
    object: 'chat.completion',
    created: metadata.created,
    model: state.worker?.model ?? metadata.model,
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: text === '' && toolCalls.length > 0 ? null : text,
          refusal: null,
          ...(reasoning === '' ? {} : { reasoning_content: reasoning }),
          ...(toolCalls.length === 0
            ? {}
            : {
                tool_calls: toolCalls.map(({ id, name, arguments: json }) => ({
                  id,
                  type: 'function' as const,
                  function: { name, arguments: json },
                })),
              }),
        },
        logprobs: logprobs.length === 0 ? null : { content: logprobs.map(writeLogprob), refusal: null },
        finish_reason: finishReason(state),
      },
    ],
    usage: writeUsage(state.usage),
    tabloom: describeAnswer(metadata, state),
  };
}

function createChunkWriter(metadata: AnswerMetadata, usageChunk: ParsedRequest['usageChunk']): ChunkWriter {
  const common = {
    id: completionId(metadata.id),
    object: 'chat.completion.chunk',
    created: metadata.created,
    model: metadata.model,
  };
  const usageless = usageChunk === 'sent' ? { usage: null } : {};
  const frame = (body: object) => `data: ${JSON.stringify({ ...common, ...body })}\n\n`;
  const choice = (delta: object, reason: string | null = null, logprobs: object | null = null) => ({
    choices: [{ index: 0, delta, logprobs, finish_reason: reason }],
    ...usageless,
  });
  const part = (part: Part): string => {
    switch (part.type) {
      case 'text-delta':
        return part.text === '' ? '' : frame(choice({ content: part.text }));
      case 'reasoning-delta':
        return part.text === '' ? '' : frame(choice({ reasoning_content: part.text }));
      case 'tool-call-delta':
        return frame(choice({ tool_calls: [writeCallDelta(part)] }));
      case 'logprobs':
        // Log-probabilities follow their text, so they get a chunk of their own; clients concatenate them.
        return frame(choice({ content: '' }, null, { content: part.items.map(writeLogprob), refusal: null }));
      default:
        return '';
    }
  };
  return {
    begin: () => frame(choice({ role: 'assistant', content: '' })),
    part,
    finish(state) {
      const tabloom = describeAnswer(metadata, state);
      const last = choice({}, finishReason(state));
      if (usageChunk === 'omitted') return frame({ ...last, tabloom });
      return frame(last) + frame({ choices: [], usage: writeUsage(state.usage), tabloom });
    },
  };
}

const writeCallDelta = ({ index, id, name, arguments: json }: Extract<Part, { type: 'tool-call-delta' }>) => ({
  index,
  ...(id === undefined ? {} : { id, type: 'function' }),
  function: { ...(name === undefined ? {} : { name }), arguments: json },
});

const writeLogprob = ({ token, bytes, logprob, top }: Logprob): TokenLogprob => ({
  token,
  logprob,
  bytes: bytes ? [...bytes] : [...Buffer.from(token)],
  top_logprobs: top.map((other) => ({
    token: other.token,
    logprob: other.logprob,
    bytes: other.bytes ? [...other.bytes] : [...Buffer.from(other.token)],
  })),
});

const completionId = (id: string) => `chatcmpl-${id}`;
