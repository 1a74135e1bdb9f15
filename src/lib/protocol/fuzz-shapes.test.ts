import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { z } from 'zod';
import {
  chatCompletionChunkSchema,
  chatCompletionRequestSchema,
  chatCompletionSchema,
  openAIErrorBodySchema,
} from './openai.ts';
import { countersignEnvelopeFixture, receiptEnvelopeFixture, workerFixture } from './protocol.fixture.ts';
import { signedReceiptSchema } from './receipt.ts';
import { relayInfoSchema } from './relay-info.ts';

const answer = { id: 'a', object: 'chat.completion', created: 1, model: 'm' };
const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 };

/** Data that arrives as JSON, over HTTP or from storage, rather than as wire bytes: its schema and a valid value. */
const shapes: Readonly<Record<string, readonly [z.ZodType, object]>> = {
  'chat request': [
    chatCompletionRequestSchema,
    {
      model: 'tabloom-demo',
      messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }], name: 'visitor' }],
      stream: true,
      stream_options: { include_usage: true },
      max_tokens: 8,
      temperature: 0.5,
      seed: 1,
      stop: ['\n'],
    },
  ],
  'chat completion': [
    chatCompletionSchema,
    {
      ...answer,
      choices: [{ index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }],
      usage,
    },
  ],
  'chat chunk': [
    chatCompletionChunkSchema,
    { choices: [{ index: 0, delta: { role: 'assistant', content: 'Hi' }, finish_reason: null }], usage },
  ],
  'error body': [openAIErrorBodySchema, { error: { message: 'm', type: 't', param: null, code: 'c' } }],
  'relay info': [
    relayInfoSchema,
    {
      peer: workerFixture.peer,
      build: '0.1.0',
      protocol: 1,
      network: 'small',
      relays: ['/dns4/a.example/tcp/443/wss'],
    },
  ],
  'stored receipt': [signedReceiptSchema, { receipt: receiptEnvelopeFixture, countersign: countersignEnvelopeFixture }],
};

/** Paths to all members and elements at any depth; a byte array is one leaf. */
function placesIn(value: unknown): (readonly string[])[] {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return [];
  return Object.entries(value).flatMap(([key, member]) => [[key], ...placesIn(member).map((way) => [key, ...way])]);
}

function exchanged(value: unknown, [key, ...rest]: readonly string[], by: unknown): unknown {
  if (key === undefined) return by;
  const member = (value as Record<string, unknown>)[key];
  const other = exchanged(member, rest, by);
  if (Array.isArray(value)) return value.map((one, i) => (String(i) === key ? other : one));
  return { ...(value as object), [key]: other };
}

const anything = fc.anything({ withBigInt: true, withTypedArray: true, withNullPrototype: true, maxDepth: 3 });

test.each(Object.entries(shapes))('%s: any input is accepted or rejected without throwing', (_name, shape) => {
  const [schema, valid] = shape;
  expect(schema.safeParse(valid).success).toBe(true);
  let refused = 0;
  const damaged = fc.tuple(fc.constantFrom(...placesIn(valid)), anything).map(([way, by]) => exchanged(valid, way, by));
  fc.assert(
    fc.property(fc.oneof(anything, fc.jsonValue(), damaged), (value) => {
      const parsed = schema.safeParse(value);
      if (!parsed.success) refused += 1;
      // Parsing is idempotent.
      else expect(schema.parse(parsed.data)).toEqual(parsed.data);
    }),
    { seed: 6, numRuns: 400 },
  );
  expect(refused).toBeGreaterThan(200);
});
