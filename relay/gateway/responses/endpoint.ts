import { chat } from '#lib/protocol/kinds/chat.ts';
import { generationParamsSchema, type ResponseFormat } from '#lib/protocol/kinds/generation.ts';
import { readToolChoice, readTools } from '../chat.ts';
import { endpoint } from '../endpoint.ts';
import { badRequest } from '../errors.ts';
import { readConversation, withoutOldest } from '../messages.ts';
import type { RequestWarning } from '../parameters.ts';
import { chatParam, parseMember, readSampling, readTokenLimit } from '../request.ts';
import { responsesFormat } from './format.ts';
import { readInput } from './input.ts';
import { responseEventSchema, responseSchema, responsesRequestSchema, type ResponsesRequest } from './schema.ts';

/** What only a server that stores answers could do. */
const storedMembers: Readonly<Record<string, string>> = {
  previous_response_id: 'Send the whole conversation as "input"',
  conversation: 'Send the whole conversation as "input"',
  prompt: 'Send the prompt itself as "instructions" and "input"',
  background: 'Stream the answer, or wait for it',
};

/** Members of chat completions, with their place in a response's request. */
const chatMembers: Readonly<Record<string, string>> = {
  messages: 'input',
  response_format: 'text.format',
  reasoning_effort: 'reasoning.effort',
  max_tokens: 'max_output_tokens',
  max_completion_tokens: 'max_output_tokens',
};

const logprobsIncluded = 'message.output_text.logprobs';

/** `POST /v1/responses`: a conversation like a chat completion's, in items. Nothing is stored. */
export const responsesEndpoint = endpoint(
  {
    summary: 'Answers a conversation given in items. Nothing is stored.',
    request: responsesRequestSchema,
    answer: responseSchema,
    event: responseEventSchema,
    params: { 'json-schema': 'text.format', logprobs: 'include', vision: 'input' },
  },
  (request, contextTokens) => {
    rejectForeign(request);
    const limit = readTokenLimit({ max_output_tokens: request.max_output_tokens }, contextTokens);
    const { messages: all, warnings } = readInput(request);
    const messages = request.truncation === 'auto' ? withoutOldest(all) : all;
    const conversation = readConversation(messages, 'input');
    const { tools, choice } = allowedTools(request);
    const named = readTools(tools.map((tool) => ({ function: tool })));
    const made = { messages: conversation.messages, ...(named.length > 0 ? { tools: named } : {}) };
    const input = parseMember(chat.input, made, (path) => {
      const [member, index] = path;
      if (member !== 'messages') return path.map(String).join('.');
      return (typeof index === 'number' ? messages[index]?.param : undefined) ?? 'input';
    });
    const wantsLogprobs = request.include?.includes(logprobsIncluded) === true || (request.top_logprobs ?? 0) > 0;
    const given = {
      maxTokens: limit.maxTokens,
      ...readSampling(request),
      logprobs: wantsLogprobs ? (request.top_logprobs ?? 0) : undefined,
      responseFormat: readFormat(request),
      toolChoice: readToolChoice(choice, named),
      parallelToolCalls: named.length > 0 ? (request.parallel_tool_calls ?? undefined) : undefined,
      reasoningEffort: request.reasoning?.effort ?? undefined,
    };
    const params = parseMember(generationParamsSchema, given, (path) => {
      const param = chatParam(path);
      return chatMembers[param] ?? param;
    });
    return {
      work: { kind: 'chat', input, params },
      blobs: conversation.blobs,
      limit,
      overflow: request.truncation === 'auto' ? 'trimmed' : 'refused',
      warnings: [
        ...warnings,
        ...leftOut(all.length - messages.length),
        ...ignoredIncludes(request),
        ...ignoredVerbosity(request),
      ],
      format: responsesFormat(request),
    };
  },
);

function rejectForeign(request: ResponsesRequest): void {
  for (const [param, advice] of Object.entries(storedMembers)) {
    if (request[param] == null || request[param] === false) continue;
    throw badRequest(`"${param}" needs a server that stores answers, and this relay stores none. ${advice}.`, param);
  }
  for (const [param, place] of Object.entries(chatMembers)) {
    if (request[param] != null) throw badRequest(`"${param}" belongs to chat completions. Use "${place}" here.`, param);
  }
}

/** A list of allowed tools means those tools and no others. */
function allowedTools({ tools, tool_choice: choice }: ResponsesRequest) {
  const all = tools ?? [];
  if (typeof choice !== 'object' || choice === null) return { tools: all, choice };
  if (choice.type === 'function') {
    return { tools: all, choice: { type: 'function' as const, function: { name: choice.name } } };
  }
  const names = choice.tools.map(({ type, name }) => (type === 'function' ? (name ?? '') : type));
  const missing = names.find((name) => !all.some((tool) => tool.name === name));
  if (missing !== undefined) {
    throw badRequest(`"tool_choice" allows "${missing.slice(0, 64)}", which is not in "tools".`, 'tool_choice');
  }
  return { tools: all.filter(({ name }) => names.includes(name)), choice: choice.mode };
}

function readFormat({ text }: ResponsesRequest): ResponseFormat | undefined {
  const format = text?.format;
  if (format == null || format.type === 'text') return undefined;
  if (format.type === 'json_object') return { type: 'json-object' };
  return { type: 'json-schema', ...(format.name ? { name: format.name } : {}), schema: JSON.stringify(format.schema) };
}

const ignoredIncludes = ({ include }: ResponsesRequest): readonly RequestWarning[] =>
  (include ?? [])
    .filter((name) => name !== logprobsIncluded)
    .slice(0, 1)
    .map((name) => ({
      code: 'parameter-ignored',
      param: 'include',
      message: `"${name.slice(0, 64)}" is not part of answers on this network.`,
    }));

const ignoredVerbosity = ({ text }: ResponsesRequest): readonly RequestWarning[] =>
  text?.['verbosity'] == null || text['verbosity'] === 'medium'
    ? []
    : [
        {
          code: 'parameter-ignored',
          param: 'text.verbosity',
          message: '"text.verbosity" has no effect on this network yet.',
        },
      ];

const leftOut = (count: number): readonly RequestWarning[] =>
  count === 0
    ? []
    : [
        {
          code: 'parameter-clamped',
          param: 'input',
          message: `The conversation is longer than one job holds: its oldest messages were left out (${count}).`,
        },
      ];
