import { TabloomError } from '#lib/base/errors.ts';
import { all, any, charClass, repeated, rule, text, type Expression, type Grammar } from './grammar.ts';
import { colon, comma, jsonRules, mapOf } from './json.ts';
import { integers, numbers } from './numbers.ts';
import { overlaps, typeOf, typesOf, type Schema } from './schema-types.ts';

/** Any JSON object. */
export const jsonObjectGrammar: Grammar = { root: rule('object'), rules: new Map(jsonRules) };

/** Keywords that annotate without constraining the value. */
const annotations =
  'title description default examples $comment $schema $id deprecated readOnly writeOnly $defs definitions'.split(' ');

/** Supported keywords, by the type they apply to. */
const keywords: Readonly<Record<string, readonly string[]>> = {
  object: ['properties', 'required', 'additionalProperties'],
  array: ['items', 'minItems', 'maxItems'],
  string: ['minLength', 'maxLength', 'format'],
  number: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
};

const schemasMax = 4_096;
const depthMax = 64;
/** Largest length or item count a schema may state. */
const countMax = 10_000;

/** Translates schemas into expressions, adding the rules they need to the shared `rules`. */
export interface SchemaReader {
  readonly rules: Map<string, Expression>;
  /** The expression for a whole schema. @throws `bad-request` naming what cannot be enforced. */
  read(schema: unknown): Expression;
}

/**
 * A grammar for JSON values valid under a schema (draft 2020-12 or 7), with properties in the schema's order. Not every
 * valid value is covered: properties not named in the schema are omitted, and strings contain no unnecessary escapes. A
 * schema that cannot be enforced completely is refused, never enforced in part.
 * @throws `bad-request` naming what cannot be enforced.
 */
export function jsonSchemaGrammar(schemaText: string): Grammar {
  const reader = createSchemaReader();
  return { root: reader.read(JSON.parse(schemaText)), rules: reader.rules };
}

export function createSchemaReader(): SchemaReader {
  const rules = new Map(jsonRules);
  let schemas = 0;

  function named(expression: Expression): Expression {
    const name = `s${rules.size}`;
    rules.set(name, expression);
    return rule(name);
  }

  function read(root: unknown): Expression {
    const references = new Map<string, string>();

    function convert(schema: unknown, path: string, depth: number, chain: readonly string[] = []): Expression {
      schemas += 1;
      if (schemas > schemasMax || depth > depthMax) throw refused(path, 'is too large or nested too deeply');
      if (schema === true) return rule('value');
      if (!isSchema(schema)) throw refused(path, 'allows nothing');
      if ('$ref' in schema) return reference(schema, path, depth, chain);
      const choices = schema['anyOf'] ?? schema['oneOf'] ?? schema['allOf'];
      if (choices !== undefined) return choice(schema, choices, path, depth, chain);
      if ('const' in schema || 'enum' in schema) return oneOfValues(schema, path);
      const types = typesOf(schema);
      assertKnown(
        schema,
        ['type', ...types.flatMap((type) => keywords[type === 'integer' ? 'number' : type] ?? [])],
        path,
      );
      if (types.length === 0) return rule('value');
      return any(...types.map((type) => ofType(type, schema, path, depth)));
    }

    /** `chain`: references followed so far without consuming a character, to detect left recursion. */
    function reference(schema: Schema, path: string, depth: number, chain: readonly string[]): Expression {
      assertKnown(schema, ['$ref'], path);
      const target = String(schema['$ref']);
      if (chain.includes(target)) throw refused(path, `refers to "${target}" recursively without anything in between`);
      const known = references.get(target);
      if (known) return rule(known);
      const name = `r${rules.size}`;
      references.set(target, name);
      // Reserve the name before converting: the schema may refer to itself.
      rules.set(name, all());
      rules.set(name, convert(resolve(root, target, path), target, depth + 1, [...chain, target]));
      return rule(name);
    }

    function choice(
      schema: Schema,
      choices: unknown,
      path: string,
      depth: number,
      chain: readonly string[],
    ): Expression {
      const word = ['anyOf', 'oneOf', 'allOf'].find((one) => one in schema)!;
      assertKnown(schema, [word], path);
      if (!Array.isArray(choices) || choices.length === 0) throw refused(path, `has an empty "${word}"`);
      if (word === 'allOf' && choices.length > 1) throw refused(path, 'uses "allOf" with several schemas');
      if (word === 'oneOf' && overlaps(choices.map((one) => followed(one, path)))) {
        throw refused(path, 'uses "oneOf" with schemas that may overlap; use "anyOf", or give each a distinct "const"');
      }
      return any(...choices.map((one, index) => convert(one, `${path}/${word}/${index}`, depth + 1, chain)));
    }

    const followed = (schema: unknown, path: string): unknown =>
      isSchema(schema) && '$ref' in schema ? resolve(root, String(schema['$ref']), path) : schema;

    function ofType(type: string, schema: Schema, path: string, depth: number): Expression {
      switch (type) {
        case 'object':
          return object(schema, path, depth);
        case 'array':
          return array(schema, path, depth);
        case 'string':
          return string(schema, path);
        case 'integer':
        case 'number':
          return numeric(type, schema, path);
        case 'boolean':
          return rule('boolean');
        case 'null':
          return text('null');
        default:
          throw refused(path, `has the unsupported type "${type}"`);
      }
    }

    function object(schema: Schema, path: string, depth: number): Expression {
      const properties = isSchema(schema['properties']) ? schema['properties'] : {};
      const more = schema['additionalProperties'] ?? true;
      const required = new Set(Array.isArray(schema['required']) ? schema['required'].map(String) : []);
      const unnamed = [...required].filter((name) => !Object.hasOwn(properties, name));
      const names = [...Object.keys(properties), ...unnamed];
      if (names.length === 0) {
        return more === false ? text('{}') : named(mapOf(convert(more, `${path}/additionalProperties`, depth + 1)));
      }
      const members = names.map((name) => {
        const value = convert(Object.hasOwn(properties, name) ? properties[name] : more, `${path}/${name}`, depth + 1);
        return { member: all(text(JSON.stringify(name)), colon, named(value)), required: required.has(name) };
      });
      // Built back to front: `after` is what may follow a member, `first` what may come where no member precedes.
      let after: Expression = all();
      let first: Expression = all();
      for (const { member, required: must } of members.toReversed()) {
        first = named(must ? all(member, after) : any(all(member, after), first));
        const next = all(comma, member, after);
        after = named(must ? next : any(next, after));
      }
      return all(text('{'), first, text('}'));
    }

    function array(schema: Schema, path: string, depth: number): Expression {
      const min = count(schema, 'minItems', path) ?? 0;
      const max = count(schema, 'maxItems', path);
      if (max !== undefined && max < min) throw refused(path, 'has a "maxItems" below its "minItems"');
      if (max === 0 || (schema['items'] === false && min === 0)) return text('[]');
      const item = named(convert(schema['items'] ?? true, `${path}/items`, depth + 1));
      const more = repeated(named(all(comma, item)), Math.max(0, min - 1), max === undefined ? undefined : max - 1);
      const items = all(item, more);
      return all(text('['), min === 0 ? any(items, all()) : items, text(']'));
    }

    return named(convert(root, '#', 0));
  }

  return { rules, read };
}

function string(schema: Schema, path: string): Expression {
  const format = schema['format'];
  const min = count(schema, 'minLength', path) ?? 0;
  const max = count(schema, 'maxLength', path);
  if (max !== undefined && max < min) throw refused(path, 'has a "maxLength" below its "minLength"');
  if (format === undefined) return all(text('"'), repeated(rule('char'), min, max), text('"'));
  const known = Object.hasOwn(formats, String(format)) ? formats[String(format)] : undefined;
  if (!known || min > 0 || max !== undefined) throw refused(path, `uses the format "${String(format)}"`);
  return all(text('"'), known, text('"'));
}

const digits = (length: number): Expression => ({ of: charClass('09'), min: length, max: length });
const hex = (length: number): Expression => ({ of: charClass('09', 'af'), min: length, max: length });
const upTo59 = all(charClass('05'), charClass('09'));
const month = any(all(text('0'), charClass('19')), all(text('1'), charClass('02')));
const day = any(all(text('0'), charClass('19')), all(text('1'), charClass('09')), all(text('2'), charClass('08')));
const joined = ([first, ...more]: readonly Expression[]) => all(first!, ...more.map((one) => all(text('-'), one)));
const date = joined([digits(4), month, day]);
const hour = any(all(charClass('01'), charClass('09')), all(text('2'), charClass('03')));
const time = all(hour, text(':'), upTo59, text(':'), upTo59, text('Z'));
/** Formats with a grammar. Every generated text is valid, though not every valid text can be generated. */
const formats: Readonly<Record<string, Expression>> = {
  date,
  time,
  'date-time': all(date, text('T'), time),
  uuid: joined([8, 4, 4, 4, 12].map(hex)),
};

function numeric(type: 'integer' | 'number', schema: Schema, path: string): Expression {
  const bound = (word: string) => {
    const value = schema[word];
    if (value !== undefined && typeof value !== 'number') throw refused(path, `has a "${word}" that is not a number`);
    return value;
  };
  const step = schema['multipleOf'];
  if (step !== undefined && !(type === 'integer' && step === 1)) throw refused(path, 'uses "multipleOf"');
  const bounds = {
    minimum: bound('minimum'),
    maximum: bound('maximum'),
    above: bound('exclusiveMinimum'),
    below: bound('exclusiveMaximum'),
  };
  const expression = type === 'integer' ? integers(bounds) : numbers(bounds);
  if (!expression) throw refused(path, 'has bounds with no integer between them');
  return expression;
}

function oneOfValues(schema: Schema, path: string): Expression {
  assertKnown(schema, ['type', 'const', 'enum'], path);
  const listed: readonly unknown[] = Array.isArray(schema['enum']) ? schema['enum'] : [schema['const']];
  const types = typesOf({ type: schema['type'] });
  const values = listed.filter((value) => {
    const type = typeOf(value);
    return types.length === 0 || types.includes(type) || (type === 'integer' && types.includes('number'));
  });
  if (values.length === 0) throw refused(path, 'has an "enum" without any value of its type');
  if ('enum' in schema && 'const' in schema) throw refused(path, 'has both "const" and "enum"');
  return any(...values.map((value) => text(JSON.stringify(value))));
}

function count(schema: Schema, word: string, path: string): number | undefined {
  const value = schema[word];
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > countMax) {
    throw refused(path, `has a "${word}" that is not a count up to ${countMax}`);
  }
  return value;
}

function resolve(root: unknown, target: string, path: string): unknown {
  const missing = refused(path, `refers to "${target}", which it does not contain`);
  if (!/^#(?:\/|$)/.test(target)) throw missing;
  let at: unknown = root;
  for (const step of target.split('/').slice(1)) {
    const name = pointerName(step);
    if (!isSchema(at) || name === undefined || !Object.hasOwn(at, name)) throw missing;
    at = at[name];
  }
  return at;
}

/** Decodes one step of a JSON Pointer in a URI fragment (RFC 6901); undefined if malformed. */
function pointerName(step: string): string | undefined {
  try {
    return decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~');
  } catch {
    return undefined;
  }
}

function assertKnown(schema: Schema, known: readonly string[], path: string): void {
  const strange = Object.keys(schema).find((word) => !known.includes(word) && !annotations.includes(word));
  if (strange !== undefined) throw refused(path, `uses "${strange}"`);
}

const isSchema = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const refused = (path: string, what: string): TabloomError =>
  new TabloomError(
    'bad-request',
    `The JSON Schema ${what} at "${path.slice(0, 128)}", which cannot be enforced. Remove it or express it differently.`,
  );
