import type { ChatCompletionRequest } from '#lib/protocol/openai.ts';
import { limits } from '#lib/protocol/limits.ts';
import { gatewayLimits } from './limits.ts';

/** A wish of the request that was not granted. */
export interface RequestWarning {
  readonly code: 'parameter-ignored' | 'parameter-clamped';
  readonly param: string;
  readonly message: string;
}

/** Members that are granted, or that change nothing about the answer. */
const understood = new Set(
  (
    'model messages stream stream_options max_tokens max_completion_tokens temperature top_p frequency_penalty ' +
    'presence_penalty seed stop n user tabloom metadata store safety_identifier prompt_cache_key ' +
    'prompt_cache_retention service_tier'
  ).split(' '),
);

/** Values that say "as usual" and so ask for nothing, wherever they stand. */
const isDefault = (value: unknown): boolean =>
  value == null ||
  value === false ||
  (Array.isArray(value) && value.length === 0) ||
  (typeof value === 'object' && Object.keys(value).length === 0) ||
  (typeof value === 'object' && 'type' in value && value.type === 'text');

/** Those that say it in one member only. Without tools, "none" is what happens anyway. */
const defaults: Readonly<Record<string, readonly string[]>> = {
  tool_choice: ['"auto"', '"none"'],
  function_call: ['"auto"', '"none"'],
  parallel_tool_calls: ['true'],
  modalities: ['["text"]'],
  top_logprobs: ['0'],
};

const asksForNothing = (param: string, value: unknown): boolean =>
  isDefault(value) || (Object.hasOwn(defaults, param) && defaults[param]!.includes(JSON.stringify(value)));

export function findWarnings(request: ChatCompletionRequest): readonly RequestWarning[] {
  const ignored = Object.entries(request)
    .filter(([param, value]) => !understood.has(param) && !asksForNothing(param, value))
    .map(([param]): RequestWarning => {
      const name = param.slice(0, 64);
      return { code: 'parameter-ignored', param: name, message: `"${name}" has no effect on this network yet.` };
    });
  const wanted = request.max_completion_tokens ?? request.max_tokens ?? 0;
  const clamped: readonly RequestWarning[] =
    wanted > limits.maxTokensMax
      ? [
          {
            code: 'parameter-clamped',
            param: request.max_completion_tokens == null ? 'max_tokens' : 'max_completion_tokens',
            message: `One answer has at most ${limits.maxTokensMax} tokens.`,
          },
        ]
      : [];
  return [...clamped, ...ignored, ...droppedCalls(request)].slice(0, gatewayLimits.warningsMax);
}

/** Earlier calls of tools stand in messages and not in their text; one warning says so for all of them. */
function droppedCalls({ messages }: ChatCompletionRequest): readonly RequestWarning[] {
  for (const [index, message] of messages.entries()) {
    for (const member of ['tool_calls', 'function_call']) {
      if (isDefault(message[member])) continue;
      const says = 'Calls of tools are left out of the conversation: models of this network read its text.';
      return [{ code: 'parameter-ignored', param: `messages.${index}.${member}`, message: says }];
    }
  }
  return [];
}
