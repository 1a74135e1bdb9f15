import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { errorCode } from '#lib/base/errors.ts';
import { seededRandom } from '#lib/base/random.ts';
import { boundedSchemas } from '../../../../tests/fixtures/json-schemas.ts';
import { jsonObjectGrammar, jsonSchemaGrammar } from './json-schema.ts';
import { accepts, remainder } from './remainder.ts';
import { sample } from './sample.ts';

const ajv = new Ajv2020({ strict: false, validateFormats: false });
const grammarOf = (schema: unknown) => jsonSchemaGrammar(JSON.stringify(schema));
const codeOf = (work: () => unknown) => {
  try {
    work();
  } catch (error) {
    return errorCode(error);
  }
  return 'nothing-thrown';
};

const tree = {
  $ref: '#/$defs/node',
  $defs: {
    node: {
      type: 'object',
      properties: {
        name: { type: 'string', maxLength: 4 },
        children: { type: 'array', items: { $ref: '#/$defs/node' }, maxItems: 2 },
      },
      required: ['name'],
      additionalProperties: false,
    },
  },
};

const more: readonly unknown[] = [
  tree,
  true,
  {},
  { type: 'object' },
  { type: 'object', additionalProperties: { type: 'integer' } },
  { type: 'object', required: ['a', 'b'], additionalProperties: { type: 'boolean' } },
  { type: ['string', 'null', 'integer'], minLength: 2, maximum: -4 },
  { type: 'string', minLength: 1_990, maxLength: 4_500 },
  { type: 'number', exclusiveMinimum: -2, exclusiveMaximum: 3 },
  { type: 'number', minimum: 0.5, maximum: 12.25 },
  { type: 'integer', minimum: -1_234, maximum: 98_765 },
  { type: 'integer', exclusiveMinimum: 99, maximum: 101 },
  { anyOf: [{ type: 'integer' }, { type: 'number' }, { const: { a: [1, null] } }] },
  { oneOf: [{ type: 'string' }, { type: 'integer' }] },
  {
    oneOf: ['cat', 'dog'].map((kind) => ({
      type: 'object',
      properties: { kind: { const: kind }, age: { type: 'integer' } },
      required: ['kind'],
    })),
  },
  { allOf: [{ $ref: '#/definitions/x~1y' }], definitions: { 'x/y': { enum: ['a"b', 'ü', 3, null] } } },
];

test.each([...boundedSchemas, ...more].map((schema) => [JSON.stringify(schema).slice(0, 60), schema] as const))(
  'every sampled text is valid: %s',
  (_, schema) => {
    const validate = ajv.compile(schema as object);
    const grammar = grammarOf(schema);
    for (let seed = 0; seed < 40; seed++) {
      const text = sample(grammar, seededRandom(seed));
      const value: unknown = JSON.parse(text);
      expect(validate(value), `${text} ${ajv.errorsText(validate.errors)}`).toBe(true);
      expect(accepts(grammar, text)).toBe(true);
      expect(accepts(grammar, text.slice(0, -1)) && /["}\]]$/.test(text)).toBe(false);
      const cut = [...text].slice(0, text.length >> 1).join('');
      expect(accepts(remainder(grammar, cut)!, text.slice(cut.length))).toBe(true);
    }
  },
);

test.each([
  [{ type: 'integer', minimum: 7, maximum: 1_205 }, ['7', '99', '1205', '640'], ['6', '1206', '07', '7.5']],
  [{ type: 'integer', maximum: -3, minimum: -40 }, ['-3', '-40', '-12'], ['-2', '-41', '3']],
  [{ type: 'number', minimum: 0, maximum: 1 }, ['0', '1', '0.5'], ['1.1', '-0.5', '2']],
  [
    { type: 'string', maxLength: 2 },
    ['""', '"ab"', String.raw`"\u00e9"`, '"€€"'],
    ['"abc"', String.raw`"\ud83d"`, '"\n"'],
  ],
  [
    { type: 'array', items: { type: 'null' }, minItems: 1, maxItems: 2 },
    ['[null]', '[null, null]'],
    ['[]', '[null,null,null]'],
  ],
  [
    { properties: { a: { const: 1 }, b: { const: 2 }, c: { const: 3 } }, required: ['b'] },
    ['{"b": 2}', '{"a":1,"b":2,"c":3}', '{"b":2, "c":3}'],
    ['{}', '{"a":1}', '{"b":2,"a":1}', '{"b":2,}'],
  ],
  [{ type: 'string', format: 'date-time' }, ['"2026-11-28T23:59:59Z"'], ['"2026-13-28T23:59:59Z"', '"today"']],
])('%j', (schema, good, bad) => {
  const grammar = grammarOf(schema);
  expect(good.filter((text) => !accepts(grammar, text))).toEqual([]);
  expect(bad.filter((text) => accepts(grammar, text))).toEqual([]);
});

describe('schemas that cannot be enforced', () => {
  test.each([
    { type: 'string', pattern: '^a' },
    { type: 'string', format: 'email' },
    { type: 'string', maxLength: 1e9 },
    { type: 'object', properties: { a: { not: {} } } },
    { type: 'object', minProperties: 2 },
    { type: 'object', required: ['a'], additionalProperties: false },
    { type: 'array', uniqueItems: true },
    { type: 'array', prefixItems: [{}] },
    { type: 'array', minItems: 3, maxItems: 2 },
    { type: 'number', multipleOf: 0.5 },
    { type: 'number', minimum: 0.2, maximum: 0.4 },
    { type: 'file' },
    { enum: [1, 2], type: 'string' },
    { oneOf: [{ type: 'integer' }, { type: 'number' }] },
    { allOf: [{}, {}] },
    { anyOf: [] },
    { anyOf: [{ type: 'null' }], minimum: 1 },
    { $ref: '#/$defs/none' },
    { $ref: '#/%zz' },
    { $ref: 'https://example.org/schema' },
    { $ref: '#' },
    { anyOf: [{ type: 'null' }, { $ref: '#' }] },
    { $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } } },
    false,
    3,
  ])('%j is refused', (schema) => {
    expect(codeOf(() => grammarOf(schema))).toBe('bad-request');
  });

  test('a schema that is too deep or too large is refused', () => {
    const deep = Array.from({ length: 80 }).reduce<object>((items) => ({ type: 'array', items }), {});
    const large = { anyOf: Array.from({ length: 5_000 }, () => ({ type: 'null' })) };
    expect([deep, large].map((schema) => codeOf(() => grammarOf(schema)))).toEqual(['bad-request', 'bad-request']);
  });
});

test('any JSON object', () => {
  for (let seed = 0; seed < 40; seed++) {
    const text = sample(jsonObjectGrammar, seededRandom(seed));
    expect(JSON.parse(text)).toBeTypeOf('object');
  }
  expect(accepts(jsonObjectGrammar, '[1]')).toBe(false);
});

test('there is no remainder for an invalid prefix', () => {
  expect(remainder(jsonObjectGrammar, '{"a": tru}')).toBeUndefined();
  expect(accepts(remainder(jsonObjectGrammar, '{"a": tr')!, 'ue}')).toBe(true);
});
