import { expect, test } from 'vitest';
import {
  chatCompletionChunkSchema,
  chatCompletionRequestSchema,
  chatCompletionSchema,
  openAIErrorBodySchema,
} from './openai.ts';

const messages = [{ role: 'user', content: 'Hi' }];
const request = (over: object) => chatCompletionRequestSchema.safeParse({ model: 'tabloom-demo', messages, ...over });

test('what clients really send is taken: null for "default", members nobody knows, content in pieces or none', () => {
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

test('what cannot be meant is refused', () => {
  const refused = [
    { model: '' },
    { model: undefined },
    { messages: [] },
    { messages: [{ role: 'owner', content: '' }] },
    { messages: [{ role: 'user', content: 7 }] },
    { temperature: 2.1 },
    { temperature: '1' },
    { max_tokens: 0 },
    { max_tokens: 1.5 },
    { top_p: -0.1 },
    { stop: ['a', 'b', 'c', 'd', 'e'] },
    { stream: 'yes' },
  ];
  for (const over of refused) expect(request(over).success, JSON.stringify(over)).toBe(false);
});

test('answers of other servers are read though they leave things out', () => {
  expect(chatCompletionChunkSchema.safeParse({ choices: [] }).success).toBe(true);
  const chunk = { choices: [{ index: 0, delta: { content: 'Hi' }, finish_reason: null }], usage: null };
  expect(chatCompletionChunkSchema.safeParse(chunk).success).toBe(true);
  expect(chatCompletionChunkSchema.safeParse({ choices: [{ finish_reason: 'bored' }] }).success).toBe(false);
  expect(chatCompletionSchema.safeParse({ object: 'list', choices: [] }).success).toBe(false);
});

test('an error body has its four members, null where there is nothing to say', () => {
  const error = { message: 'No.', type: 'invalid_request_error', param: null, code: null };
  expect(openAIErrorBodySchema.safeParse({ error }).success).toBe(true);
  expect(openAIErrorBodySchema.safeParse({ error: { message: 'No.' } }).success).toBe(false);
});
