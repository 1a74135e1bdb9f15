import { TabloomError } from '#lib/base/errors.ts';
import { resumeUnsupported } from './answer.ts';
import type { Part } from '#lib/protocol/part.ts';
import type { ChatTool } from '#lib/protocol/kinds/chat.ts';
import type { ResponseFormat } from '#lib/protocol/kinds/generation.ts';
import { any, type Expression, type Grammar } from './grammar/grammar.ts';
import { createSchemaReader, type SchemaReader } from './grammar/json-schema.ts';
import { rule } from './grammar/grammar.ts';
import { remainder } from './grammar/remainder.ts';
import type { TextRequest } from './spec.ts';
import { callsExpression, textOrCalls } from './tool-calls.ts';

/** Constraints on an answer, for engines that support grammars. */
export interface Constraint {
  /** Undefined if any text is allowed. */
  readonly grammar: Grammar | undefined;
  /** Functions the model may call, to be described in its prompt. */
  readonly tools: readonly ChatTool[];
  readonly warnings: readonly Extract<Part, { type: 'warning' }>[];
}

/**
 * The grammar for the requested answer: a response format, tool calls, or either.
 * @throws `bad-request` for a schema that cannot be enforced, or a `toolChoice` that names no given tool.
 */
export function constraintOf({ input, params }: TextRequest): Constraint {
  const { responseFormat, toolChoice = { type: 'auto' }, parallelToolCalls } = params;
  const offered = 'tools' in input && toolChoice.type !== 'none' ? (input.tools ?? []) : [];
  const reader = createSchemaReader();
  const format = formatExpression(responseFormat, reader);
  if (offered.length === 0) {
    if (toolChoice.type === 'required' || toolChoice.type === 'named') throw badRequest('There are no tools to call.');
    return { grammar: format && { root: format, rules: reader.rules }, tools: [], warnings: [] };
  }
  const callable = toolChoice.type === 'named' ? offered.filter(({ name }) => name === toolChoice.name) : offered;
  if (callable.length === 0) throw badRequest('The function to call is not among the tools.');
  // If calls are required, default to a single one: small models would otherwise keep calling.
  const many = toolChoice.type === 'auto' ? parallelToolCalls !== false : parallelToolCalls === true;
  const { calls, unconstrained } = callsExpression(callable, reader, many);
  const root = toolChoice.type !== 'auto' ? calls : format ? any(format, calls) : textOrCalls(reader.rules);
  return {
    grammar: { root, rules: reader.rules },
    tools: offered,
    warnings: unconstrained.map(({ name, why }) => ({
      type: 'warning',
      code: 'tool-schema-unchecked',
      message: `The arguments of "${name}" are not constrained by its schema. ${why}`.slice(0, 512),
    })),
  };
}

/**
 * The grammar for the rest of a resumed answer. `delivered` is the text delivered so far.
 * @throws `resume-unsupported` if `delivered` is not a prefix of any text of the grammar.
 */
export function grammarAfter(grammar: Grammar, delivered: string): Grammar {
  const left = delivered === '' ? grammar : remainder(grammar, delivered);
  if (left) return left;
  throw resumeUnsupported('The text delivered so far does not match the requested format.');
}

function formatExpression(format: ResponseFormat | undefined, reader: SchemaReader): Expression | undefined {
  if (!format || format.type === 'text') return undefined;
  return format.type === 'json-object' ? rule('object') : reader.read(JSON.parse(format.schema));
}

const badRequest = (message: string): TabloomError =>
  new TabloomError('bad-request', `${message} Name one of "tools", or choose another "toolChoice".`);
