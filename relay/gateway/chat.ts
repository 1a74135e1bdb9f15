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
  type AnswerForm,
  type AnswerHead,
  type ChunkWriter,
} from './answer.ts';
import { badRequest } from './errors.ts';
import { readConversation } from './messages.ts';
import { assertAble, readModel, type Shelf } from './model-list.ts';
import { findWarnings, refuseUnmeetable } from './parameters.ts';
import { parseMember, readSampling, readTerms, readTokenLimit, type Wish } from './request.ts';

/**
 * Reads a chat completion request. What would change the answer is met or refused; what does no harm when it is left
 * out comes back as a warning.
 * @throws `bad-request` with the `param` that is wrong, `model-not-found`, `feature-unavailable`, `tier-unavailable`,
 * `too-long`.
 */
export function readChatRequest(body: unknown, headers: Headers, shelf: Shelf): Wish {
  const request = parseMember(chatCompletionRequestSchema, body);
  const terms = readTerms(request, headers);
  refuseUnmeetable(request);
  const model = readModel(request.model, shelf);
  const contextTokens = shelf.find(request.model)?.contextTokens;
  const { max_completion_tokens, max_tokens } = request;
  const limit = readTokenLimit({ max_completion_tokens, max_tokens }, contextTokens);
  const { messages, blobs } = readConversation(request.messages);
  const tools = readTools(request);
  const input = parseMember(chat.input, { messages, ...(tools.length > 0 ? { tools } : {}) });
  const params = parseMember(generationParamsSchema, readParams(request, tools, limit.maxTokens));
  const work = { kind: 'chat' as const, input, params };
  assertAble(request.model, work, shelf);
  return {
    model: request.model,
    answer: request.stream === true ? 'streamed' : 'whole',
    usageChunk: request.stream_options?.include_usage === true ? 'sent' : 'omitted',
    maxTokens: limit.maxTokens,
    contextTokens,
    warnings: [...limit.warnings, ...findWarnings(request, 'chat')],
    form: chatForm,
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
  // Without tools, "auto" and "none" are what happens anyway.
  if (choice == null || (tools.length === 0 && (choice === 'auto' || choice === 'none'))) return undefined;
  if (tools.length === 0) throw badRequest('"tool_choice" needs "tools" to choose from.', 'tool_choice');
  if (typeof choice === 'string') return { type: choice };
  const { name } = choice.function;
  if (!tools.some((tool) => tool.name === name)) {
    throw badRequest(`"tool_choice" names "${name.slice(0, 64)}", which is none of the tools.`, 'tool_choice');
  }
  return { type: 'named', name };
}

/** OpenAI's `chat.completion` and its chunks. */
export const chatForm: AnswerForm = { whole: writeCompletion, chunks: createChunkWriter };

function writeCompletion(head: AnswerHead, state: JobState): ChatCompletion {
  const { text, reasoning, toolCalls, logprobs } = state.output;
  return {
    id: completionId(head.id),
    object: 'chat.completion',
    created: head.created,
    model: state.worker?.model ?? head.model,
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
    tabloom: describeAnswer(head, state),
  };
}

function createChunkWriter(head: AnswerHead, usageChunk: Wish['usageChunk']): ChunkWriter {
  const common = {
    id: completionId(head.id),
    object: 'chat.completion.chunk',
    created: head.created,
    model: head.model,
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
        // They come after their text, so they have a chunk of their own: clients add them up.
        return frame(choice({ content: '' }, null, { content: part.items.map(writeLogprob), refusal: null }));
      default:
        return '';
    }
  };
  return {
    begin: () => frame(choice({ role: 'assistant', content: '' })),
    part,
    finish(state) {
      const tabloom = describeAnswer(head, state);
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
