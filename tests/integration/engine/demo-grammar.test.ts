import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '#lib/base/clock.ts';
import { demoModel } from '#lib/engine/catalog.ts';
import type { LoadedModel } from '#lib/engine/spec.ts';
import type { ChatTool } from '#lib/protocol/kinds/chat.ts';
import { createLlamaEngine } from '../../../relay/native/llama.ts';
import { chat, read } from '../../compliance/engine-kit.ts';
import { fits } from '../../compliance/fits-schema.ts';

const models = fileURLToPath(new URL('../../../static/models/', import.meta.url));
const engine = createLlamaEngine({ clock: systemClock, pathOf: () => `${models}tabloom-demo.gguf` });
let llama: LoadedModel;
beforeAll(async () => {
  llama = await engine.load(demoModel, {});
});
afterAll(() => engine.close());

const objectOf = (properties: Record<string, unknown>) => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
});
const city = objectOf({ city: { type: 'string' } });
const operands = objectOf({ a: { type: 'integer' }, b: { type: 'integer' } });
const person = objectOf({ name: { type: 'string' }, age: { type: 'integer' } });

/** A question, the schema of its answer, and the sensible answer. */
const asked: readonly (readonly [string, object, object])[] = [
  ['What is the weather in Paris?', city, { city: 'Paris' }],
  ['weather in Berlin', city, { city: 'Berlin' }],
  ['Is it raining in London? Answer in JSON.', city, { city: 'London' }],
  ['How warm is it in Rome?', city, { city: 'Rome' }],
  ['Tell me the weather of Oslo.', city, { city: 'Oslo' }],
  ['What time is it in Tokyo?', city, { city: 'Tokyo' }],
  ['time in Vienna as json', city, { city: 'Vienna' }],
  ['forecast for Madrid', city, { city: 'Madrid' }],
  ['What is 3 + 4?', operands, { a: 3, b: 4 }],
  ['calculator: 3 + 4', operands, { a: 3, b: 4 }],
  ['Add 8 and 1.', operands, { a: 8, b: 1 }],
  ['How much is 12 plus 7?', operands, { a: 12, b: 7 }],
  ['5+6 in JSON', operands, { a: 5, b: 6 }],
  ['Compute 40 + 2.', operands, { a: 40, b: 2 }],
  ['My name is Anna and I am 31 years old.', person, { name: 'Anna', age: 31 }],
  ['I am Ben, 7 years old. Answer in JSON.', person, { name: 'Ben', age: 7 }],
];
const weather: ChatTool = { name: 'get_weather', description: 'Weather of a city', parameters: JSON.stringify(city) };
const calculator: ChatTool = { name: 'add', description: 'Adds two numbers', parameters: JSON.stringify(operands) };
const calls: readonly (readonly [string, ChatTool, object])[] = [
  ['What is the weather in Paris?', weather, { city: 'Paris' }],
  ['weather in Lisbon', weather, { city: 'Lisbon' }],
  ['What is 3 + 4?', calculator, { a: 3, b: 4 }],
  ['Add 20 and 5.', calculator, { a: 20, b: 5 }],
];
/** All twenty were sensible with this file. Near ties may differ. */
const sensibleMin = 18;

test('under a grammar twenty answers end by themselves, are valid, and those of numbers hold the numbers', async () => {
  let sensible = 0;
  const wrong: string[] = [];
  const count = (question: string, given: string, wanted: object) => {
    if (JSON.stringify(JSON.parse(given)) === JSON.stringify(wanted)) sensible += 1;
    else wrong.push(`${question} ${given}`);
    if ('a' in wanted) expect(JSON.parse(given), question).toEqual(wanted);
  };
  for (const [question, schema, wanted] of asked) {
    const responseFormat = { type: 'json-schema', schema: JSON.stringify(schema) } as const;
    const answer = await read(llama.doStream(chat(question, { maxTokens: 100, responseFormat }), {}));
    expect(answer.finishes[0]?.reason, `${question} ${answer.text}`).toBe('stop');
    expect(fits(JSON.parse(answer.text), schema), answer.text).toBe(true);
    count(question, answer.text, wanted);
  }
  for (const [question, tool, wanted] of calls) {
    const params = { maxTokens: 100, toolChoice: { type: 'required' } } as const;
    const answer = await read(llama.doStream(chat(question, params, [tool]), {}));
    expect(answer.finishes[0]?.reason, question).toBe('tool-calls');
    const [call] = answer.output.toolCalls;
    expect(call?.name).toBe(tool.name);
    expect(fits(JSON.parse(call!.arguments), JSON.parse(tool.parameters!)), call!.arguments).toBe(true);
    count(question, call!.arguments, wanted);
  }
  expect(asked.length + calls.length).toBe(20);
  expect(sensible, wrong.join('\n')).toBeGreaterThanOrEqual(sensibleMin);
});

test('where tools are offered and nothing is required, it calls the one that the question is for', async () => {
  const answer = await read(llama.doStream(chat('What is 3 + 4?', { maxTokens: 100 }, [calculator]), {}));
  expect(answer.output.toolCalls.map(({ name, arguments: given }) => [name, JSON.parse(given)])).toEqual([
    ['add', { a: 3, b: 4 }],
  ]);
});
