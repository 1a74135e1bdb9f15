import { expect, test } from 'vitest';
import {
  chatCompletionChunkSchema,
  chatCompletionRequestSchema,
  chatCompletionSchema,
  openAIErrorBodySchema,
} from './openai.ts';

const messages = [{ role: 'user', content: 'Hi' }];
const request = (over: object) => chatCompletionRequestSchema.safeParse({ model: 'tabloom-demo', messages, ...over });

test('accepts what clients send: null for "default", unknown members, content in parts or none', () => {
  const loose = {
    temperature: null,
    max_tokens: null,
    stop: null,
    seed: null,
    stream: null,
    stream_options: null,
    user: null,
    x_tomorrow: { any: 'thing' },
    messages: [
      {
        role: 'developer',
        content: [
          { type: 'text', text: 'Be brief.' },
          { type: 'image_url', image_url: {} },
        ],
      },
      { role: 'assistant', content: null, tool_calls: [] },
      { role: 'assistant', content: [{ type: 'refusal', refusal: 'No.' }], name: null },
      { role: 'user', content: [{ type: 'text', text: null }] },
      { role: 'user', content: 'Hi', name: 'visitor' },
    ],
  };
  const parsed = request(loose);
  expect(parsed.success).toBe(true);
  expect(parsed.data).toMatchObject(loose);
});

test('nonsensical requests are refused', () => {
  const refused = [
    { model: '' },
    { model: undefined },
    { messages: [] },
    { messages: [{ role: 'owner', content: '' }] },
    { messages: [{ role: 'user', content: 7 }] },
    { temperature: 2.1 },
    { temperature: '1' },
    { max_tokens: -2 },
    { max_tokens: 1.5 },
    { top_p: -0.1 },
    { stop: ['a', 'b', 'c', 'd', 'e'] },
    { stream: 'yes' },
  ];
  for (const over of refused) expect(request(over).success, JSON.stringify(over)).toBe(false);
});

test.each([
  [{ stop: ['a', 'b', 'c', 'd', 'e'] }, 'must be a string or a list of at most 4 strings'],
  [{ max_tokens: -2 }, 'must be a whole number of tokens, at least 1; null, 0 and -1 set no limit'],
  [{ max_tokens: '9' }, 'must be a whole number of tokens, at least 1; null, 0 and -1 set no limit'],
  [{ temperature: 3 }, 'must be a number from 0 to 2'],
  [{ stream: 'yes' }, 'must be true or false'],
  [{ tool_choice: 'any' }, expect.stringContaining('must be "none", "auto", "required"')],
  [{ tools: [{ type: 'web_search' }] }, expect.stringContaining('must be "function"')],
  [{ response_format: { type: 'xml' } }, 'must have the type text, json_object or json_schema'],
  [{ logit_bias: { word: 1 } }, 'must map token ids to numbers from -100 to 100'],
  [{ messages: 'Hi' }, 'must be a list of messages'],
])('B8: %o is refused with a message that states what is allowed', (over, message) => {
  expect(request(over).error?.issues[0]).toMatchObject({ message });
  expect(request(over).error?.issues[0]?.path[0]).toBe(Object.keys(over)[0]);
});

test('responses of other servers are accepted with members missing', () => {
  expect(chatCompletionChunkSchema.safeParse({ choices: [] }).success).toBe(true);
  const chunk = { choices: [{ index: 0, delta: { content: 'Hi' }, finish_reason: null }], usage: null };
  expect(chatCompletionChunkSchema.safeParse(chunk).success).toBe(true);
  expect(chatCompletionChunkSchema.safeParse({ choices: [{ finish_reason: 'bored' }] }).success).toBe(false);
  expect(chatCompletionSchema.safeParse({ object: 'list', choices: [] }).success).toBe(false);
});

test('an error body has all four members, null where not applicable', () => {
  const error = { message: 'No.', type: 'invalid_request_error', param: null, code: null };
  expect(openAIErrorBodySchema.safeParse({ error }).success).toBe(true);
  expect(openAIErrorBodySchema.safeParse({ error: { message: 'No.' } }).success).toBe(false);
});
