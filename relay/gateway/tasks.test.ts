import { expect, test } from 'vitest';
import { errorCode } from '#lib/base/errors.ts';
import { keyTermsSchema, type ApiKey } from '../api-key.ts';
import { ask, gatewayFixture } from './gateway.fixture.ts';
import type { Credits } from './credits.ts';
import type { JobHold } from './metering.ts';
import { readTask, type PricedTask } from './tasks.ts';

const task: PricedTask = {
  name: 'summary',
  model: 'tabloom-demo',
  template: 'In a sentence: {input} ($&)',
  inputCharactersMax: 20,
  tokensMax: 8,
  price: 500_000n,
};
const credits: Credits = {
  price: { in: 1n, out: 1n },
  chain: { id: 1, name: 'A chain', token: 'USDC', payTo: '0xp' },
  cost: () => 1n,
  balance: async () => ({ units: 0n, held: 0n }),
  carries: () => false,
  take: async (_, units) => ({ type: 'required', headers: [], terms: {}, reason: `${units}` }),
};
const body = (more: object = {}) => ({
  model: 'task:summary',
  messages: [{ role: 'user', content: 'a text' }],
  ...more,
});
const refused = (more: object) => {
  try {
    readTask(body(more), [task]);
    return 'none';
  } catch (error) {
    return [errorCode(error), (error as { details: { param?: string } }).details.param];
  }
};

test('a task is a request for its model, with the text in its place and no more tokens than it allows', () => {
  expect(readTask(body({ stream: true, seed: 4 }), [task])?.body).toEqual({
    model: 'tabloom-demo',
    messages: [{ role: 'user', content: 'In a sentence: a text ($&)' }],
    max_completion_tokens: 8,
    stream: true,
    seed: 4,
  });
  const limitOf = (more: object) =>
    (readTask(body(more), [task])!.body as Record<string, unknown>)['max_completion_tokens'];
  expect([limitOf({ max_tokens: 3 }), limitOf({ max_completion_tokens: 900 }), limitOf({ max_tokens: -1 })]).toEqual([
    3, 8, 8,
  ]);
  const parts = [{ role: 'user', content: [{ type: 'text', text: '{input}' }] }];
  expect(readTask(body({ messages: parts }), [task])?.body).toMatchObject({
    messages: [{ content: 'In a sentence: {input} ($&)' }],
  });
});

test('what is no task is left alone', () => {
  for (const other of [ask(), { model: 7 }, null, 'task:summary', {}]) expect(readTask(other, [task])).toBeUndefined();
});

test.each([
  ['a task that there is not', { model: 'task:other' }, 'task-unknown', 'model'],
  ['a tool', { tools: [] }, 'bad-request', 'tools'],
  ['a temperature', { temperature: 2 }, 'bad-request', 'temperature'],
  ['further models', { models: ['dear'] }, 'bad-request', 'models'],
  ['a system message', { messages: [{ role: 'system', content: 'x' }] }, 'bad-request', 'messages.0.role'],
  ['two messages', { messages: [1, 2].map(() => ({ role: 'user', content: 'x' })) }, 'bad-request', 'messages'],
  [
    'a picture',
    { messages: [{ role: 'user', content: [{ type: 'image_url' }] }] },
    'bad-request',
    'messages.0.content',
  ],
  ['too long a text', { messages: [{ role: 'user', content: 'x'.repeat(21) }] }, 'bad-request', 'messages.0.content'],
])('%s is refused by name', (_name, more, code, param) => {
  expect(refused(more)).toEqual([code, param]);
});

test('a task is held at its price, by a key that may do nothing else', async () => {
  const text = `sk_${'k'.repeat(43)}`;
  const key: ApiKey = {
    ...keyTermsSchema.parse({ models: ['task:summary'] }),
    id: 'k',
    owner: '0xw',
    createdAt: 0,
    revokedAt: undefined,
  };
  const holds: JobHold[] = [];
  const { request, asked } = gatewayFixture(undefined, {
    tasks: [task],
    credits,
    keys: { find: async () => key, hasOrigin: async () => false },
    metering: { hold: async (hold) => void holds.push(hold), close: async () => undefined },
  });
  const send = (sent: object) =>
    request('/v1/chat/completions', {
      method: 'POST',
      body: JSON.stringify(sent),
      headers: { 'content-type': 'application/json', authorization: `Bearer ${text}` },
    });
  expect((await send(body())).status).toBe(200);
  expect(holds).toMatchObject([{ price: 500_000n }]);
  expect(asked).toMatchObject([
    { params: { maxTokens: 8 }, input: { messages: [{ content: 'In a sentence: a text ($&)' }] } },
  ]);
  const own = await send(ask());
  expect([own.status, (await own.json()).error.code]).toEqual([403, 'model_not_allowed']);
});

test('a stranger is asked for the price of a task, and a relay that charges nothing for none', async () => {
  const holds: JobHold[] = [];
  const metering = { hold: async (hold: JobHold) => void holds.push(hold), close: async () => undefined };
  const send = (sells: Credits | undefined) =>
    gatewayFixture(undefined, { tasks: [{ ...task, price: 2_500_000n }], credits: sells, metering }).gateway.fetch(
      new Request('http://localhost:8080/v1/chat/completions', {
        method: 'POST',
        body: JSON.stringify(body({ stream: true })),
        headers: { host: 'localhost:8080', 'content-type': 'application/json' },
      }),
      { client: '198.51.100.7' },
    );
  const asked = await send(credits);
  expect([asked.status, (await asked.json()).price_credits]).toEqual([402, '2.5']);
  await (await send(undefined)).text();
  expect(holds.map(({ price }) => price)).toEqual([undefined]);
});

test('tasks are listed with their prices, and without their prompts', async () => {
  const { request } = gatewayFixture(undefined, { tasks: [task] });
  expect(await (await request('/v1/tasks')).json()).toEqual({
    object: 'list',
    data: [
      {
        id: 'task:summary',
        object: 'task',
        model: 'tabloom-demo',
        price_credits: '0.5',
        max_tokens: 8,
        max_input_characters: 20,
      },
    ],
  });
});
