import { isPlainObject } from '#lib/protocol/kinds/plain.ts';
import type { ChatCompletionRequest } from '#lib/protocol/openai.ts';

/**
 * A request for a chat as most programs send it: a model, messages of text, numbers. Whether the schema would return it as it is;
 * false says nothing, and leaves it to the schema. By hand, since its schema costs more than all else that is decided of such a
 * request. A property test holds it to the schema.
 */
export function isPlainChatRequest(body: unknown): body is ChatCompletionRequest {
  if (!isPlainObject(body)) return false;
  for (const name of Object.keys(body)) {
    if (!Object.hasOwn(members, name) || !members[name]!(body[name])) return false;
  }
  return body['model'] !== undefined && body['messages'] !== undefined;
}

const isFlag = (value: unknown) => value === undefined || value === null || typeof value === 'boolean';
const isText = (value: unknown) => value === undefined || value === null || typeof value === 'string';
const numberWithin = (least: number, most: number) => (value: unknown) =>
  value === undefined || value === null || (typeof value === 'number' && value >= least && value <= most);
const isLimit = (value: unknown) => value === undefined || value === null || (isWhole(value) && value >= -1);
const isWhole = (value: unknown): value is number => Number.isSafeInteger(value);

const roles: ReadonlySet<unknown> = new Set(['system', 'developer', 'user', 'assistant']);

function isPlainMessage(message: unknown): boolean {
  if (!isPlainObject(message)) return false;
  for (const name of Object.keys(message)) if (name !== 'role' && name !== 'content') return false;
  return roles.has(message['role']) && typeof message['content'] === 'string';
}

const members: Readonly<Record<string, (value: unknown) => boolean>> = {
  model: (value) => typeof value === 'string' && value !== '',
  messages: (value) => Array.isArray(value) && value.length > 0 && value.every(isPlainMessage),
  stream: isFlag,
  stream_options: (value) =>
    value === undefined ||
    value === null ||
    (isPlainObject(value) &&
      Object.keys(value).every((name) => name === 'include_usage') &&
      isFlag(value['include_usage'])),
  max_tokens: isLimit,
  max_completion_tokens: isLimit,
  temperature: numberWithin(0, 2),
  top_p: numberWithin(0, 1),
  frequency_penalty: numberWithin(-2, 2),
  presence_penalty: numberWithin(-2, 2),
  seed: (value) => value === undefined || value === null || isWhole(value),
  stop: isText,
  user: isText,
};
