import type { RequestMessage } from '#lib/protocol/openai.ts';
import { badRequest } from '../errors.ts';
import type { NamedMessage } from '../messages.ts';
import type { RequestWarning } from '../parameters.ts';
import type { InputItem, InputPart, ResponsesRequest } from './schema.ts';

export interface ResponsesInput {
  readonly messages: readonly NamedMessage[];
  readonly warnings: readonly RequestWarning[];
}

/**
 * The items of a request as messages: instructions first, and the calls of one turn in one message with the text before
 * them. Earlier reasoning is left out, as no model reads it again.
 * @throws `bad-request` with the item at fault, among them every reference to what a server would have stored.
 */
export function readInput({ instructions, input }: ResponsesRequest): ResponsesInput {
  const messages: NamedMessage[] = [];
  const warnings: RequestWarning[] = [];
  if (instructions) messages.push({ message: { role: 'system', content: instructions }, param: 'instructions' });
  if (typeof input === 'string') {
    messages.push({ message: { role: 'user', content: input }, param: 'input' });
    return { messages, warnings };
  }
  for (const [index, item] of input.entries()) {
    const param = `input.${index}`;
    if (item.type === 'reasoning') {
      const message = 'Reasoning of earlier turns is not given to the model again.';
      if (warnings.length === 0) warnings.push({ code: 'parameter-ignored', param, message });
      continue;
    }
    const message = readItem(item, param);
    const last = messages.at(-1);
    if (item.type === 'function_call' && last?.message.role === 'assistant') {
      const calls = [...(last.message.tool_calls ?? []), ...(message.tool_calls ?? [])];
      messages[messages.length - 1] = { ...last, message: { ...last.message, tool_calls: calls } };
    } else messages.push({ message, param });
  }
  return { messages, warnings };
}

function readItem(item: InputItem, param: string): RequestMessage {
  switch (item.type) {
    case 'function_call':
      return {
        role: 'assistant',
        content: null,
        tool_calls: [
          {
            id: requireMember(item.call_id, `${param}.call_id`),
            type: 'function',
            function: { name: requireMember(item.name, `${param}.name`), arguments: item.arguments ?? '' },
          },
        ],
      };
    case 'function_call_output':
      return {
        role: 'tool',
        tool_call_id: requireMember(item.call_id, `${param}.call_id`),
        content: readContent(item.output, `${param}.output`),
      };
    case 'item_reference':
      throw badRequest(
        'Items are not stored here, so none can be referred to. Send the item itself; with the AI SDK, set "store": false.',
        param,
      );
    case 'message':
    case null:
    case undefined:
      return {
        role: requireMember(item.role, `${param}.role`),
        content: readContent(item.content, `${param}.content`),
      };
    default:
      throw badRequest(
        `Items of the type "${item.type.slice(0, 64)}" are not supported: only messages, function calls and their outputs are.`,
        `${param}.type`,
      );
  }
}

function requireMember<T>(value: T | null | undefined, param: string): T {
  if (value == null || value === '') throw badRequest(`"${param}" is missing.`, param);
  return value;
}

function readContent(content: InputItem['content'], param: string): RequestMessage['content'] {
  if (content == null || typeof content === 'string') return content ?? '';
  return content.map((part, index) => readPart(part, `${param}.${index}`));
}

function readPart(part: InputPart, param: string) {
  switch (part.type) {
    case 'input_text':
    case 'output_text':
    case 'text':
    case 'summary_text':
      return { type: 'text', text: part.text ?? '' };
    case 'refusal':
      return { type: 'refusal', refusal: part.refusal ?? '' };
    case 'input_image':
      if (part['file_id'] != null) throw badRequest('Files are not stored here. Send the picture itself.', param);
      return { type: 'image_url', image_url: part.image_url ?? '' };
    default:
      throw badRequest(`Only text and pictures are supported; "${part.type.slice(0, 64)}" parts are not.`, param);
  }
}
