import { chat, type ChatInput } from '#lib/protocol/kinds/chat.ts';
import {
  generationParamsSchema,
  type GenerationParams,
  type ResponseFormat,
  type ToolChoice,
} from '#lib/protocol/kinds/generation.ts';
import { chatCompletionRequestSchema, type ChatCompletionRequest } from '#lib/protocol/openai.ts';
import { chatForm } from './chat-answer.ts';
import { badRequest } from './errors.ts';
import { readConversation } from './messages.ts';
import { parseMember } from './parse.ts';
import { readSampling, readTokenLimit } from './sampling.ts';
import { assertAble, readModel, type Shelf } from './shelf.ts';
import { readTerms } from './terms.ts';
import { findWarnings, refuseUnmeetable } from './warnings.ts';
import type { Wish } from './wish.ts';

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
