import { badRequest } from './errors.ts';
import { gatewayLimits } from './limits.ts';

/** A wish of the request that was not granted, and whose absence does no harm. */
export interface RequestWarning {
  readonly code: 'parameter-ignored' | 'parameter-clamped';
  readonly param: string;
  readonly message: string;
}

type Members = Readonly<Record<string, unknown>>;

const words = (text: string) => text.split(/\s+/);

/** Members that are granted, or that change nothing about the answer. */
const common = words(
  'model stream stream_options max_tokens temperature top_p top_k min_p repetition_penalty frequency_penalty ' +
    'presence_penalty seed stop logit_bias n user tabloom peer_tier metadata store safety_identifier prompt_cache_key ' +
    'prompt_cache_retention service_tier',
);
const understood = {
  chat: new Set([
    ...common,
    ...words('messages max_completion_tokens tools tool_choice parallel_tool_calls response_format logprobs'),
    ...words('top_logprobs reasoning_effort'),
  ]),
  completion: new Set([...common, ...words('prompt logprobs best_of')]),
  embedding: new Set(words('model input encoding_format dimensions user tabloom peer_tier')),
} as const;

/** What is said of a member that would make another answer of it, or another promise; nobody here can keep it. */
const refusals: Readonly<Record<string, string>> = {
  audio: 'Nobody here speaks; leave it out',
  web_search_options: 'Nobody here searches the web; leave it out',
  plugins: 'Nobody here runs plugins; leave them out',
  functions: 'Functions are taken as "tools"',
  function_call: 'Functions are taken as "tools", and chosen by "tool_choice"',
  echo: 'The prompt is not repeated; put it before the text yourself',
  suffix: 'Nobody here fills a gap; leave it out',
  use_beam_search: 'Answers are sampled; leave it out',
  ...Object.fromEntries(
    words(
      'guided_json guided_regex guided_choice guided_grammar structured_outputs grammar json_schema format ' +
        'text_format',
    ).map((name) => [name, 'The form of an answer is asked for with "response_format"']),
  ),
};

/** Of OpenRouter's `provider`, what only orders those who could answer; the rest is a condition. */
const providerHints = new Set(['order', 'sort', 'allow_fallbacks', 'require_parameters']);

/** Values that say "as usual" and so ask for nothing, wherever they stand. */
const isDefault = (value: unknown): boolean =>
  value == null ||
  value === false ||
  value === '' ||
  (Array.isArray(value) && value.length === 0) ||
  (typeof value === 'object' && Object.keys(value).length === 0) ||
  (typeof value === 'object' && 'type' in value && value.type === 'text');

/** Those that say it in one member only. */
const defaults: Readonly<Record<string, readonly string[]>> = {
  function_call: ['"auto"', '"none"'],
  modalities: ['["text"]'],
};

const asksForNothing = (param: string, value: unknown): boolean =>
  isDefault(value) || (Object.hasOwn(defaults, param) && defaults[param]!.includes(JSON.stringify(value)));

/**
 * Refuses what nobody here can do, before anything is asked.
 * @throws `bad-request` with the `param`.
 */
export function refuseUnmeetable(request: Members): void {
  for (const [param, says] of Object.entries(refusals)) {
    // An empty object is a wish here: it switches the search on.
    const given = param === 'web_search_options' ? request[param] != null : !asksForNothing(param, request[param]);
    if (given) throw badRequest(`"${param}" cannot be granted on this network. ${says}.`, param);
  }
  const { modalities, provider } = request;
  if (!asksForNothing('modalities', modalities)) {
    throw badRequest('"modalities" must be ["text"]: answers are text here.', 'modalities');
  }
  for (const [name, value] of Object.entries(typeof provider === 'object' ? (provider ?? {}) : {})) {
    if (providerHints.has(name) || isDefault(value) || value === 'allow') continue;
    const param = `provider.${name.slice(0, 64)}`;
    throw badRequest(`"${param}" is a condition that nobody here can promise to keep. Leave it out.`, param);
  }
}

/** What else is asked for and passed over. */
export function findWarnings(request: Members, kind: keyof typeof understood): readonly RequestWarning[] {
  return Object.entries(request)
    .filter(([param, value]) => !understood[kind].has(param) && !asksForNothing(param, value))
    .slice(0, gatewayLimits.warningsMax)
    .map(([param]): RequestWarning => {
      const name = param.slice(0, 64);
      return { code: 'parameter-ignored', param: name, message: `"${name}" has no effect on this network yet.` };
    });
}
