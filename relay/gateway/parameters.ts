import type { z } from 'zod';
import { badRequest } from './errors.ts';
import { gatewayLimits } from './limits.ts';

/** A parameter that was ignored or clamped without harm to the answer. */
export interface RequestWarning {
  readonly code: 'parameter-ignored' | 'parameter-clamped';
  readonly param: string;
  readonly message: string;
}

type Members = Readonly<Record<string, unknown>>;

const words = (text: string) => text.split(/\s+/);

/** Parameters without an effect on the answer, beside those of a route's own schema. */
const harmless = new Set(words('tabloom peer_tier route metadata prompt_cache_key prompt_cache_retention'));

/** Parameters that would change the answer or promise something about it, and that this network cannot honour. */
const unsupported: Readonly<Record<string, string>> = {
  audio: 'There is no audio output; leave it out',
  web_search_options: 'There is no web search; leave it out',
  plugins: 'There are no plugins; leave them out',
  functions: 'Send functions as "tools"',
  function_call: 'Send functions as "tools", and choose one with "tool_choice"',
  echo: 'The prompt is not repeated; prepend it yourself',
  suffix: 'There is no infilling; leave it out',
  use_beam_search: 'There is no beam search; leave it out',
  ...Object.fromEntries(
    words(
      'guided_json guided_regex guided_choice guided_grammar structured_outputs grammar json_schema format ' +
        'text_format',
    ).map((name) => [name, 'Use "response_format" to constrain an answer']),
  ),
};

const unsupportedParams = Object.entries(unsupported);

/** Values that mean the default for any parameter. */
export const isDefault = (value: unknown): boolean =>
  value == null ||
  value === false ||
  value === '' ||
  (Array.isArray(value) && value.length === 0) ||
  (typeof value === 'object' && Object.keys(value).length === 0) ||
  (typeof value === 'object' && 'type' in value && value.type === 'text');

/** Values that mean the default for one parameter only. */
const defaults: Readonly<Record<string, readonly string[]>> = {
  function_call: ['"auto"', '"none"'],
  modalities: ['["text"]'],
  service_tier: ['"auto"', '"default"'],
};

/** Parameters of other servers that are on by default: `false` is a wish. */
const onByDefault = new Set(
  words('enable_thinking include_reasoning add_generation_prompt add_special_tokens skip_special_tokens cache_prompt'),
);

const isNoOp = (param: string, value: unknown): boolean =>
  (onByDefault.has(param) ? value == null || value === true : isDefault(value)) ||
  (Object.hasOwn(defaults, param) && defaults[param]!.includes(JSON.stringify(value)));

/**
 * Refuses unsupported parameters before anything is asked.
 * @throws `bad-request` with the `param`.
 */
export function rejectUnsupported(request: Members): void {
  for (const [param, says] of unsupportedParams) {
    if (request[param] === undefined) continue;
    // Even an empty object turns the search on.
    const given = param === 'web_search_options' ? request[param] != null : !isNoOp(param, request[param]);
    if (given) throw badRequest(`"${param}" is not supported on this network. ${says}.`, param);
  }
  if (!isNoOp('modalities', request['modalities'])) {
    throw badRequest('"modalities" must be ["text"]: answers are text here.', 'modalities');
  }
}

/** A warning for every other parameter that is ignored: one that the route's schema does not name. */
export function findIgnored(request: Members, { shape }: z.ZodObject): readonly RequestWarning[] {
  return Object.entries(request)
    .filter(([param, value]) => !Object.hasOwn(shape, param) && !harmless.has(param) && !isNoOp(param, value))
    .slice(0, gatewayLimits.warningsMax)
    .map(([param]): RequestWarning => {
      const name = param.slice(0, 64);
      return { code: 'parameter-ignored', param: name, message: `"${name}" has no effect on this network yet.` };
    });
}
