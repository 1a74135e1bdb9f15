import { sha256 } from '@noble/hashes/sha2.js';
import { toHex, utf8Encode } from '#lib/base/bytes.ts';
import { TabloomError, errorCode } from '#lib/base/errors.ts';
import type { ChatMessage, ChatTool } from '#lib/protocol/kinds/chat.ts';
import { all, any, repeated, rule, text, type CharRange, type Expression } from './grammar/grammar.ts';
import type { SchemaReader } from './grammar/json-schema.ts';

/**
 * The text format of tool calls: the markers Hermes and Qwen models are trained with, which the prompt explains to
 * other models.
 */
export const callStart = '<tool_call>';
export const callEnd = '</tool_call>';

/** Calls one answer may make after its first. */
const furtherCallsMax = 7;

/** Describes the available tools to the model; part of the system message. */
export function toolsPrompt(tools: readonly ChatTool[]): string {
  const listed = tools.map(({ name, description, parameters }) => {
    const parts = [`"name": ${JSON.stringify(name)}`];
    if (description !== undefined) parts.push(`"description": ${JSON.stringify(description)}`);
    if (parameters !== undefined) parts.push(`"parameters": ${parameters}`);
    return `{${parts.join(', ')}}`;
  });
  return [
    'You can call these functions; "parameters" is the JSON Schema of their arguments:',
    `<tools>\n${listed.join('\n')}\n</tools>`,
    `To call one, write:\n${callStart}\n{"name": "…", "arguments": {…}}\n${callEnd}`,
  ].join('\n');
}

/**
 * Ids of an answer's calls, by index. Derived from the prompt, so that a resumed answer reuses the same ids and other
 * turns get different ones.
 */
export function callIds(prompt: string): (index: number) => string {
  const seed = toHex(sha256(utf8Encode(prompt))).slice(0, 20);
  return (index) => `call_${seed}${index}`;
}

/** The text of a message with earlier calls and tool results rendered in their markers. */
export function withToolMarks(message: ChatMessage, content: string): string {
  if (message.role === 'tool') return `<tool_response>\n${content}\n</tool_response>`;
  const calls = (message.toolCalls ?? []).map(
    ({ name, arguments: given }) =>
      `${callStart}\n{"name": ${JSON.stringify(name)}, "arguments": ${given}}\n${callEnd}`,
  );
  return [...(content === '' && calls.length > 0 ? [] : [content]), ...calls].join('\n');
}

/** Functions whose arguments cannot be constrained by their schema, and why. */
export type Unconstrained = readonly { readonly name: string; readonly why: string }[];

/**
 * Calls of these functions with arguments that match their schemas. If a schema cannot be enforced, any object is
 * allowed and the function is listed in `unconstrained`: callers validate arguments anyway.
 */
export function callsExpression(
  tools: readonly ChatTool[],
  reader: SchemaReader,
  many: boolean,
): { readonly calls: Expression; readonly unconstrained: Unconstrained } {
  const unconstrained: { name: string; why: string }[] = [];
  const bodies = tools.map(({ name, parameters }) => {
    let given: Expression = text('{}');
    try {
      if (parameters !== undefined) given = argumentsOf(JSON.parse(parameters), reader);
    } catch (error) {
      if (errorCode(error) !== 'bad-request') throw error;
      unconstrained.push({ name, why: (error as TabloomError).message });
      given = rule('object');
    }
    return all(text(`{"name": ${JSON.stringify(name)}, "arguments": `), given, text('}'));
  });
  const { rules } = reader;
  rules.set('call-body', all(text('\n'), any(...bodies), text(`\n${callEnd}`)));
  rules.set('call', all(text(callStart), rule('call-body')));
  rules.set('further-call', all(text('\n'), rule('call')));
  rules.set('further-calls', many ? repeated(rule('further-call'), 0, furtherCallsMax) : all());
  rules.set('call-after-mark', all(rule('call-body'), rule('further-calls')));
  return { calls: all(rule('call'), rule('further-calls')), unconstrained };
}

/** An empty schema still means an object, because functions take named arguments. */
const argumentsOf = (schema: unknown, reader: SchemaReader): Expression =>
  schema === true || (typeof schema === 'object' && schema !== null && Object.keys(schema).length === 0)
    ? rule('object')
    : reader.read(schema);

/** Free text that may switch to the calls of `callsExpression`, but only at a marker. */
export function textOrCalls(rules: Map<string, Expression>): Expression {
  const state = (matched: number) => `text-${matched}`;
  const first = callStart[0]!;
  for (let matched = 0; matched < callStart.length; matched++) {
    const mark = callStart[matched]!;
    const advance = matched === callStart.length - 1 ? rule('call-after-mark') : rule(state(matched + 1));
    // The marker's first character does not recur in it, so a mismatch restarts the match from the beginning.
    const anew = matched === 0 ? [] : [all(text(first), rule(state(1)))];
    const other = all({ chars: charsBut(new Set([mark, first])) }, rule(state(0)));
    rules.set(state(matched), any(all(text(mark), advance), ...anew, other, all()));
  }
  return rule(state(0));
}

/** Every character except these, each of which is one code unit. */
function charsBut(without: ReadonlySet<string>): readonly CharRange[] {
  const points = [...without].map((char) => char.charCodeAt(0)).sort((a, b) => a - b);
  const ranges: CharRange[] = [];
  let from = 1;
  for (const point of points) {
    if (point > from) ranges.push([from, point - 1]);
    from = point + 1;
  }
  return [...ranges, [from, 0xd7ff], [0xe000, 0x10_ffff]];
}
