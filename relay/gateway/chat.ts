import type { JobState } from '#lib/peer/session/job-state.ts';
import { chat, type ChatInput } from '#lib/protocol/kinds/chat.ts';
import {
  generationParamsSchema,
  type GenerationParams,
  type ResponseFormat,
  type ToolChoice,
} from '#lib/protocol/kinds/generation.ts';
import { plainChatInput, plainGenerationParams } from '#lib/protocol/kinds/plain.ts';
import {
  chatCompletionChunkSchema,
  chatCompletionRequestSchema,
  chatCompletionSchema,
  type ChatCompletionRequest,
  type TokenLogprob,
} from '#lib/protocol/openai.ts';
import type { Logprob, Part } from '#lib/protocol/part.ts';
import { isRefusal } from './answer.ts';
import { completionFormat } from './completion-format.ts';
import { endpoint } from './endpoint.ts';
import { badRequest } from './errors.ts';
import { readConversation } from './messages.ts';
import { isPlainChatRequest } from './plain-request.ts';
import { chatParam, parseMember, readSampling, readTokenLimit } from './request.ts';

/** `POST /v1/chat/completions`. */
export const chatEndpoint = endpoint(
  {
    summary: 'Answers a conversation.',
    request: chatCompletionRequestSchema,
    answer: chatCompletionSchema,
    event: chatCompletionChunkSchema,
    isPlain: isPlainChatRequest,
  },
  (request, contextTokens) => {
    const { max_completion_tokens, max_tokens } = request;
    const limit = readTokenLimit({ max_completion_tokens, max_tokens }, contextTokens);
    const named = request.messages.map((message, index) => ({ message, param: `messages.${index}` }));
    const { messages, blobs } = readConversation(named, 'messages');
    const tools = readTools(request.tools ?? []);
    const asked = { messages, ...(tools.length > 0 ? { tools } : {}) };
    const input = plainChatInput(asked) ?? parseMember(chat.input, asked, inRequest);
    const wishes = readParams(request, tools, limit.maxTokens);
    const params = plainGenerationParams(wishes) ?? parseMember(generationParamsSchema, wishes, chatParam);
    return { work: { kind: 'chat', input, params }, blobs, limit, format: chatFormat };
  },
);

/** Where a member of a conversation stands in the request that it was made of. */
const inRequest = (path: readonly PropertyKey[]): string =>
  path
    .map(String)
    .join('.')
    .replace(/\.toolCallId$/, '.tool_call_id')
    .replace(/\.toolCalls\.(\d+)\.(name|arguments)$/, '.tool_calls.$1.function.$2')
    .replace('.toolCalls', '.tool_calls')
    .replace(/^(tools\.\d+)\./, '$1.function.');

interface RequestTool {
  readonly function: {
    readonly name: string;
    readonly description?: string | null | undefined;
    readonly parameters?: object | null | undefined;
  };
}

export function readTools(tools: readonly RequestTool[]): NonNullable<ChatInput['tools']> {
  return tools.map(({ function: { name, description, parameters } }) => ({
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
  if (format.type === 'json_object') {
    return format.schema ? { type: 'json-schema', schema: JSON.stringify(format.schema) } : { type: 'json-object' };
  }
  const { name, schema } = format.json_schema;
  return { type: 'json-schema', ...(name ? { name } : {}), schema: JSON.stringify(schema) };
}

/** @throws `bad-request` for a tool that there is not. */
export function readToolChoice(
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
const chatFormat = completionFormat({
  idPrefix: 'chatcmpl-',
  object: 'chat.completion',
  chunkObject: 'chat.completion.chunk',
  choice: writeChoice,
  chunks() {
    let member: 'content' | 'refusal' = 'content';
    return {
      first: writeDelta({ role: 'assistant', content: '' }),
      part(part) {
        if (part.type === 'warning' && part.code === 'refusal') member = 'refusal';
        return writePart(part, member);
      },
      last: writeDelta({}),
    };
  },
});

function writeChoice(state: JobState): object {
  const { text, reasoning, toolCalls, logprobs } = state.output;
  const refused = isRefusal(state);
  return {
    message: {
      role: 'assistant',
      content: refused || (text === '' && toolCalls.length > 0) ? null : text,
      refusal: refused ? text : null,
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
  };
}

const writeDelta = (delta: object, logprobs: object | null = null) => ({ delta, logprobs });

function writePart(part: Part, member: 'content' | 'refusal'): object | undefined {
  switch (part.type) {
    case 'text-delta':
      return part.text === '' ? undefined : writeDelta({ [member]: part.text });
    case 'reasoning-delta':
      return part.text === '' ? undefined : writeDelta({ reasoning_content: part.text });
    case 'tool-call-delta':
      return writeDelta({ tool_calls: [writeCallDelta(part)] });
    case 'logprobs':
      // Log-probabilities follow their text, so they get a chunk of their own; clients concatenate them.
      return writeDelta({ content: '' }, { content: part.items.map(writeLogprob), refusal: null });
    default:
      return undefined;
  }
}

const writeCallDelta = ({ index, id, name, arguments: json }: Extract<Part, { type: 'tool-call-delta' }>) => ({
  index,
  ...(id === undefined ? {} : { id, type: 'function' }),
  function: { ...(name === undefined ? {} : { name }), arguments: json },
});

export const writeLogprob = ({ token, bytes, logprob, top }: Logprob): TokenLogprob => ({
  token,
  logprob,
  bytes: bytes ? [...bytes] : [...Buffer.from(token)],
  top_logprobs: top.map((other) => ({
    token: other.token,
    logprob: other.logprob,
    bytes: other.bytes ? [...other.bytes] : [...Buffer.from(other.token)],
  })),
});
