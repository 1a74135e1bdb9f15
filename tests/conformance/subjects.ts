import assert from 'node:assert/strict';

/** What clients are made to ask for, and what must come back. */
export const question = 'What is the weather like in Bern?';

export const weatherTool = {
  name: 'get_weather',
  description: 'The weather in a city now.',
  parameters: {
    type: 'object',
    properties: { city: { type: 'string' }, days: { type: 'integer', minimum: 1, maximum: 7 } },
    required: ['city', 'days'],
    additionalProperties: false,
  },
};

/** The scripted model calls a tool of its own accord when the last message names it. */
export const questionForTool = 'Use get_weather to find out.';

export const personSchema = {
  type: 'object',
  properties: { name: { type: 'string' }, age: { type: 'integer', minimum: 0, maximum: 120 } },
  required: ['name', 'age'],
  additionalProperties: false,
};

export function assertPerson(value: unknown): void {
  const { name, age } = value as { name: unknown; age: unknown };
  assert.equal(typeof name, 'string');
  assert.ok(Number.isInteger(age), `age is ${String(age)}`);
}

export function assertWeatherInput(value: unknown): void {
  const { city, days } = value as { city: unknown; days: unknown };
  assert.equal(typeof city, 'string');
  assert.ok(Number.isInteger(days), `days is ${String(days)}`);
}

export function assertText(text: string | null | undefined): void {
  assert.ok(text && text.length > 10, `answer is ${JSON.stringify(text)}`);
}

export function assertUsage(tokensIn: number | undefined, tokensOut: number | undefined): void {
  assert.ok(tokensIn && tokensIn > 0, `${tokensIn} tokens in`);
  assert.ok(tokensOut && tokensOut > 0, `${tokensOut} tokens out`);
}

/** What clients put into their errors, each in its own class. */
export type ClientError = Error & {
  readonly status?: number;
  readonly code?: string;
  readonly lc_error_code?: string;
};

/** The error a promise ends with. @throws when it does not. */
export async function errorOf(promise: PromiseLike<unknown>): Promise<ClientError> {
  try {
    await promise;
  } catch (error) {
    return error as ClientError;
  }
  throw new assert.AssertionError({ message: 'no error was thrown' });
}
