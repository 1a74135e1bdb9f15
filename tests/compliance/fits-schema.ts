type Schema = Readonly<Record<string, unknown>>;

/**
 * Validates a value against a schema, limited to the keywords in `fixtures/json-schemas.ts`. For pages whose CSP
 * forbids generated code, which schema validators rely on. A test compares it with one of those. @throws for an unknown
 * keyword.
 */
export function fits(value: unknown, schema: unknown, root: Schema = schema as Schema): boolean {
  return Object.entries(schema as Schema).every(([word, expected]) => {
    const rule = Object.hasOwn(rules, word) ? rules[word] : undefined;
    if (!rule) throw new Error(`"${word}" is not known here`);
    return rule(value, expected as never, schema as Schema, root);
  });
}

type Rule = (value: unknown, expected: never, schema: Schema, root: Schema) => boolean;

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
const types: Readonly<Record<string, (value: unknown) => boolean>> = {
  object: isObject,
  array: Array.isArray,
  string: (value) => typeof value === 'string',
  integer: Number.isInteger,
  number: (value) => typeof value === 'number',
  boolean: (value) => typeof value === 'boolean',
  null: (value) => value === null,
};
const formats: Readonly<Record<string, RegExp>> = {
  date: /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/,
  uuid: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
};
const number = (test: (value: number, bound: number) => boolean): Rule =>
  ((value: unknown, bound: number) => typeof value !== 'number' || test(value, bound)) as Rule;
const length = (test: (value: number, bound: number) => boolean): Rule =>
  ((value: unknown, bound: number) => typeof value !== 'string' || test([...value].length, bound)) as Rule;
const items = (test: (value: number, bound: number) => boolean): Rule =>
  ((value: unknown, bound: number) => !Array.isArray(value) || test(value.length, bound)) as Rule;

const rules: Readonly<Record<string, Rule>> = {
  $defs: () => true,
  type: (value, expected: string | string[]) => [expected].flat().some((one) => types[one]!(value)),
  properties: (value, expected: Schema, _, root) =>
    !isObject(value) ||
    Object.entries(expected).every(([name, one]) => !(name in value) || fits(value[name], one, root)),
  required: (value, expected: string[]) => !isObject(value) || expected.every((name) => name in value),
  additionalProperties: (value, _, schema) =>
    !isObject(value) || Object.keys(value).every((name) => name in (schema['properties'] as Schema)),
  items: (value, expected: Schema, _, root) => !Array.isArray(value) || value.every((one) => fits(one, expected, root)),
  enum: (value, expected: unknown[]) => expected.some((one) => same(one, value)),
  const: (value, expected: unknown) => same(value, expected),
  anyOf: (value, expected: Schema[], _, root) => expected.some((one) => fits(value, one, root)),
  oneOf: (value, expected: Schema[], _, root) => expected.filter((one) => fits(value, one, root)).length === 1,
  $ref: (value, expected: string, _, root) => fits(value, (root['$defs'] as Schema)[expected.split('/').at(-1)!], root),
  format: (value, expected: string) => typeof value !== 'string' || formats[expected]!.test(value),
  minLength: length((a, b) => a >= b),
  maxLength: length((a, b) => a <= b),
  minItems: items((a, b) => a >= b),
  maxItems: items((a, b) => a <= b),
  minimum: number((a, b) => a >= b),
  maximum: number((a, b) => a <= b),
  exclusiveMinimum: number((a, b) => a > b),
  exclusiveMaximum: number((a, b) => a < b),
};
