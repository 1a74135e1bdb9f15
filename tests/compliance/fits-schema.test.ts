import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { seededRandom } from '#lib/base/random.ts';
import { jsonSchemaGrammar } from '#lib/engine/grammar/json-schema.ts';
import { sample } from '#lib/engine/grammar/sample.ts';
import { boundedSchemas } from '../fixtures/json-schemas.ts';
import { fits } from './fits-schema.ts';

test('the suite’s own validator agrees with a real one', () => {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  const values = boundedSchemas.flatMap((schema) =>
    Array.from({ length: 12 }, (_, seed): unknown =>
      JSON.parse(sample(jsonSchemaGrammar(JSON.stringify(schema)), seededRandom(seed))),
    ),
  );
  let valid = 0;
  for (const schema of boundedSchemas) {
    const validate = ajv.compile(schema);
    for (const value of values) {
      const expected = validate(value);
      expect(fits(value, schema), `${JSON.stringify(value)} under ${JSON.stringify(schema)}`).toBe(expected);
      if (expected) valid += 1;
    }
  }
  expect(valid).toBeGreaterThanOrEqual(values.length);
});
