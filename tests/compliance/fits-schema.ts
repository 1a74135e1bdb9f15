type Schema = Readonly<Record<string, unknown>>;

/**
 * Whether a value is valid under a schema, as far as the schemas of `fixtures/json-schemas.ts` go: for pages that allow no
 * generated code, which is how validators are made. A test holds it to one of those. @throws for a keyword it does not know.
 */
export function fits(value: unknown, schema: unknown, root: Schema = schema as Schema): boolean {
  return Object.entries(schema as Schema).every(([word, said]) => {
    const rule = Object.hasOwn(rules, word) ? rules[word] : undefined;
    if (!rule) throw new Error(`"${word}" is not known here`);
    return rule(value, said as never, schema as Schema, root);
  });
}

type Rule = (value: unknown, said: never, schema: Schema, root: Schema) => boolean;

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
const number = (test: (value: number, said: number) => boolean): Rule =>
  ((value: unknown, said: number) => typeof value !== 'number' || test(value, said)) as Rule;
const length = (test: (value: number, said: number) => boolean): Rule =>
  ((value: unknown, said: number) => typeof value !== 'string' || test([...value].length, said)) as Rule;
const items = (test: (value: number, said: number) => boolean): Rule =>
  ((value: unknown, said: number) => !Array.isArray(value) || test(value.length, said)) as Rule;

const rules: Readonly<Record<string, Rule>> = {
  $defs: () => true,
  type: (value, said: string | string[]) => [said].flat().some((one) => types[one]!(value)),
  properties: (value, said: Schema, _, root) =>
    !isObject(value) || Object.entries(said).every(([name, one]) => !(name in value) || fits(value[name], one, root)),
  required: (value, said: string[]) => !isObject(value) || said.every((name) => name in value),
  additionalProperties: (value, _, schema) =>
    !isObject(value) || Object.keys(value).every((name) => name in (schema['properties'] as Schema)),
  items: (value, said: Schema, _, root) => !Array.isArray(value) || value.every((one) => fits(one, said, root)),
  enum: (value, said: unknown[]) => said.some((one) => same(one, value)),
  const: (value, said: unknown) => same(value, said),
  anyOf: (value, said: Schema[], _, root) => said.some((one) => fits(value, one, root)),
  oneOf: (value, said: Schema[], _, root) => said.filter((one) => fits(value, one, root)).length === 1,
  $ref: (value, said: string, _, root) => fits(value, (root['$defs'] as Schema)[said.split('/').at(-1)!], root),
  format: (value, said: string) => typeof value !== 'string' || formats[said]!.test(value),
  minLength: length((a, b) => a >= b),
  maxLength: length((a, b) => a <= b),
  minItems: items((a, b) => a >= b),
  maxItems: items((a, b) => a <= b),
  minimum: number((a, b) => a >= b),
  maximum: number((a, b) => a <= b),
  exclusiveMinimum: number((a, b) => a > b),
  exclusiveMaximum: number((a, b) => a < b),
};
