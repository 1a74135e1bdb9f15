import { TabloomError } from '#lib/base/errors.ts';
import type { Part } from '#lib/protocol/part.ts';
import type { ChatTool } from '#lib/protocol/kinds/chat.ts';
import type { ResponseFormat } from '#lib/protocol/kinds/generation.ts';
import { any, type Expression, type Grammar } from './grammar/grammar.ts';
import { createSchemaReader, type SchemaReader } from './grammar/json-schema.ts';
import { rule } from './grammar/grammar.ts';
import { remainder } from './grammar/remainder.ts';
import type { TextRequest } from './spec.ts';
import { callsExpression, textOrCalls } from './tool-calls.ts';

/** What an answer must be, for engines that hold to a grammar. */
export interface Constraint {
  /** Undefined: any text. */
  readonly grammar: Grammar | undefined;
  /** Functions the model may call, which its prompt explains. */
  readonly tools: readonly ChatTool[];
  readonly warnings: readonly Extract<Part, { type: 'warning' }>[];
}

/**
 * The grammar of what is asked for: a format, calls of functions, or either.
 * @throws `bad-request` for a schema that cannot be held to, or a function that is named and not there.
 */
export function constraintOf({ input, params }: TextRequest): Constraint {
  const { responseFormat, toolChoice = { type: 'auto' }, parallelToolCalls } = params;
  const offered = 'tools' in input && toolChoice.type !== 'none' ? (input.tools ?? []) : [];
  const reader = createSchemaReader();
  const format = formatExpression(responseFormat, reader);
  if (offered.length === 0) {
    if (toolChoice.type === 'required' || toolChoice.type === 'named')
      throw badRequest('There is no function to call.');
    return { grammar: format && { root: format, rules: reader.rules }, tools: [], warnings: [] };
  }
  const callable = toolChoice.type === 'named' ? offered.filter(({ name }) => name === toolChoice.name) : offered;
  if (callable.length === 0) throw badRequest('The function to be called is none of the tools.');
  // Where calls are demanded, one is the default: a small model would go on calling.
  const many = toolChoice.type === 'auto' ? parallelToolCalls !== false : parallelToolCalls === true;
  const { calls, loose } = callsExpression(callable, reader, many);
  const root = toolChoice.type !== 'auto' ? calls : format ? any(format, calls) : textOrCalls(reader.rules);
  return {
    grammar: { root, rules: reader.rules },
    tools: offered,
    warnings: loose.map(({ name, why }) => ({
      type: 'warning',
      code: 'tool-schema-unchecked',
      message: `Arguments of "${name}" may be any object. ${why}`.slice(0, 512),
    })),
  };
}

/**
 * The grammar of what is left of a resumed answer.
 * @throws `resume-unsupported` where the text is no beginning of the grammar.
 */
export function grammarAfter(grammar: Grammar, said: string): Grammar {
  const left = said === '' ? grammar : remainder(grammar, said);
  if (left) return left;
  throw new TabloomError(
    'resume-unsupported',
    'What was delivered is no beginning of what was asked for. Ask again from the start.',
  );
}

function formatExpression(format: ResponseFormat | undefined, reader: SchemaReader): Expression | undefined {
  if (!format || format.type === 'text') return undefined;
  return format.type === 'json-object' ? rule('object') : reader.read(JSON.parse(format.schema));
}

const badRequest = (message: string): TabloomError =>
  new TabloomError('bad-request', `${message} Name one of "tools", or choose another "toolChoice".`);
