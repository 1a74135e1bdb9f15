import { sha256 } from '@noble/hashes/sha2.js';
import { toHex, utf8Encode } from '#lib/base/bytes.ts';
import { TabloomError, errorCode } from '#lib/base/errors.ts';
import type { ChatMessage, ChatTool } from '#lib/protocol/kinds/chat.ts';
import { all, any, repeated, rule, text, type CharRange, type Expression } from './grammar/grammar.ts';
import type { SchemaReader } from './grammar/json-schema.ts';

/**
 * How a model calls a function in its text: the marks that Hermes and Qwen models are trained with, and what is
 * explained to those that are not.
 */
export const callStart = '<tool_call>';
export const callEnd = '</tool_call>';

/** Calls that one answer may make beside its first. */
const furtherCallsMax = 7;

/** What a model is told of the functions it may call; part of the system's message. */
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
 * Ids of an answer's calls, by their place: the same for the same prompt, so that a resumed answer names its calls as it
 * did, and others in every other turn.
 */
export function callIds(prompt: string): (index: number) => string {
  const seed = toHex(sha256(utf8Encode(prompt))).slice(0, 20);
  return (index) => `call_${seed}${index}`;
}

/** A message as a model with tools reads it: calls made before in their marks, a result in marks of its own. */
export function withToolMarks(message: ChatMessage, said: string): string {
  if (message.role === 'tool') return `<tool_response>\n${said}\n</tool_response>`;
  const calls = (message.toolCalls ?? []).map(
    ({ name, arguments: given }) =>
      `${callStart}\n{"name": ${JSON.stringify(name)}, "arguments": ${given}}\n${callEnd}`,
  );
  return [...(said === '' && calls.length > 0 ? [] : [said]), ...calls].join('\n');
}

/** Functions whose arguments cannot be held to their schema, and why. */
export type Loose = readonly { readonly name: string; readonly why: string }[];

/**
 * Calls of these functions, arguments as their schemas say. A schema that cannot be held to allows any object here: the
 * caller checks arguments anyway, and is told.
 */
export function callsExpression(
  tools: readonly ChatTool[],
  reader: SchemaReader,
  many: boolean,
): { readonly calls: Expression; readonly loose: Loose } {
  const loose: { name: string; why: string }[] = [];
  const bodies = tools.map(({ name, parameters }) => {
    let given: Expression = text('{}');
    try {
      if (parameters !== undefined) given = argumentsOf(JSON.parse(parameters), reader);
    } catch (error) {
      if (errorCode(error) !== 'bad-request') throw error;
      loose.push({ name, why: (error as TabloomError).message });
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
  return { calls: all(rule('call'), rule('further-calls')), loose };
}

/** A schema that says nothing still means an object: functions have named arguments. */
const argumentsOf = (schema: unknown, reader: SchemaReader): Expression =>
  schema === true || (typeof schema === 'object' && schema !== null && Object.keys(schema).length === 0)
    ? rule('object')
    : reader.read(schema);

/** Free text that may go over into the calls of `callsExpression`, at a mark and nowhere else. */
export function textOrCalls(rules: Map<string, Expression>): Expression {
  const state = (matched: number) => `text-${matched}`;
  const first = callStart[0]!;
  for (let matched = 0; matched < callStart.length; matched++) {
    const mark = callStart[matched]!;
    const goOn = matched === callStart.length - 1 ? rule('call-after-mark') : rule(state(matched + 1));
    // The first character does not come again in the mark: what differs begins anew.
    const anew = matched === 0 ? [] : [all(text(first), rule(state(1)))];
    const other = all({ chars: charsBut(new Set([mark, first])) }, rule(state(0)));
    rules.set(state(matched), any(all(text(mark), goOn), ...anew, other, all()));
  }
  return rule(state(0));
}

/** Every character but these, which are of one code unit. */
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
