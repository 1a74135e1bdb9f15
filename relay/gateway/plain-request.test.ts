import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { chatCompletionRequestSchema } from '#lib/protocol/openai.ts';
import { isPlainChatRequest } from './plain-request.ts';

const members = Object.keys(chatCompletionRequestSchema.shape);
/** Each is JSON, since that is where requests come from. */
const value = fc.oneof(
  fc.constantFrom(null, true, false, '', 'END', 'user', 0, -1, 1, 2, -2, 0.5, 2.5, 2 ** 53, 1e300),
  fc.jsonValue({ maxDepth: 2 }),
);
const message = fc.oneof(
  fc.record({ role: fc.constantFrom('system', 'developer', 'user', 'assistant', 'tool', 'x'), content: value }),
  fc.dictionary(fc.constantFrom('role', 'content', 'name', 'tool_calls', 'x'), value),
  value,
);
const messages = fc.oneof(fc.array(message, { maxLength: 3 }), value);
const options = fc.oneof(fc.dictionary(fc.constantFrom('include_usage', 'x'), value), value);
const changes = fc.dictionary(fc.constantFrom(...members, 'tabloom', 'peer_tier', 'x', 'toString'), value, {
  maxKeys: 4,
});

test('a request that is taken for plain is one that its schema returns as it is', () => {
  const base = { model: 'm', messages: [{ role: 'user', content: 'hello' }] };
  const request = fc.oneof(
    changes.map((changed) => ({ ...base, ...changed })),
    fc.tuple(changes, messages).map(([changed, said]) => ({ ...base, ...changed, messages: said })),
    options.map((given) => ({ ...base, stream: true, stream_options: given })),
    value,
  );
  fc.assert(
    fc.property(request, (body) => {
      if (!isPlainChatRequest(body)) return;
      const parsed = chatCompletionRequestSchema.safeParse(body);
      expect(parsed.success).toBe(true);
      expect(parsed.data).toEqual(body);
    }),
    { numRuns: 3_000 },
  );
});

test.each<[string, object, boolean]>([
  ['as a program sends it', { max_tokens: 16, temperature: 0, stream: true, stop: null, user: 'a' }, true],
  ['with usage', { stream: true, stream_options: { include_usage: true } }, true],
  ['with tools', { tools: [] }, false],
  ['with several stop sequences', { stop: ['a', 'b'] }, false],
  ['with an end user of its own name', { safety_identifier: 'a' }, false],
  ['with models to fall back to', { models: ['m'] }, false],
  ['with an extension', { tabloom: {} }, false],
  ['without a model', { model: undefined }, false],
  ['with a limit below all', { max_tokens: -2 }, false],
])('%s', (_name, change, isPlain) => {
  expect(isPlainChatRequest({ model: 'm', messages: [{ role: 'user', content: 'hello' }], ...change })).toBe(isPlain);
});
