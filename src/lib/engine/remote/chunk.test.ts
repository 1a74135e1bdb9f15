import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import type { EngineEvent, TextRequest } from '../spec.ts';
import { readChunks } from './chunk.ts';
import { remoteAnswer } from './remote-answer.ts';

const body = (...reads: readonly string[]) => {
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const read of reads) controller.enqueue(new TextEncoder().encode(read));
      controller.close();
    },
  });
  return new Response(stream, { headers: { 'content-type': 'text/event-stream' } });
};
const event = (value: unknown) => `data: ${typeof value === 'string' ? value : JSON.stringify(value)}\n\n`;
const text = (content: string, change: object = {}) =>
  event({ id: 'x', choices: [{ index: 0, delta: { content }, finish_reason: null, ...change }] });

async function collect<T>(
  source: AsyncIterable<T>,
): Promise<{ readonly items: readonly T[]; readonly error?: unknown }> {
  const items: T[] = [];
  try {
    for await (const item of source) items.push(item);
  } catch (error) {
    return { items, error };
  }
  return { items };
}

const request: TextRequest = {
  kind: 'chat',
  input: { messages: [{ role: 'user', content: 'hello' }] },
  params: { maxTokens: 8, temperature: 0 },
};
const answer = (change: object, ...reads: readonly string[]) =>
  collect<EngineEvent>(
    remoteAnswer(readChunks(body(...reads)), { ...request, ...change }, { clock: manualClock(), startedMs: 0 }),
  );

test('events of one read come together, and those of the next do not', async () => {
  const { items } = await collect(readChunks(body(text('a') + text('b'), text('c') + event('[DONE]'))));
  expect(items).toEqual([
    [{ choices: [{ delta: { content: 'a' } }] }, { choices: [{ delta: { content: 'b' } }] }],
    [{ choices: [{ delta: { content: 'c' } }] }, 'done'],
  ]);
});

test('what came before a bad event of the same read is still read', async () => {
  const { items, error } = await collect(readChunks(body(text('a') + event('nonsense'))));
  expect(items).toEqual([[{ choices: [{ delta: { content: 'a' } }] }]]);
  expect(error).toMatchObject({ code: 'engine-failed' });
});

test('nothing is read past the end', async () => {
  const { items, error } = await collect(readChunks(body(event('[DONE]') + event('nonsense'))));
  expect([items, error]).toEqual([[['done']], undefined]);
});

test('text of one read is one part, which counts every token', async () => {
  const { items } = await answer({}, text('a') + text('b'), text('c', { finish_reason: 'stop' }) + event('[DONE]'));
  expect(items).toEqual([
    { type: 'text-delta', text: 'ab', tokens: 2 },
    { type: 'text-delta', text: 'c', tokens: 1 },
    expect.objectContaining({ type: 'warning', code: 'usage-estimated' }),
    expect.objectContaining({ type: 'finish', usage: expect.objectContaining({ tokensOut: 3 }) }),
  ]);
});

test('reasoning, and text with log-probabilities, keep their own parts', async () => {
  const logprobs = { content: [{ token: 'a', logprob: -1 }] };
  const { items } = await answer(
    { params: { ...request.params, logprobs: 1 } },
    event({ choices: [{ delta: { reasoning_content: 'hm' } }] }) +
      text('a', { logprobs }) +
      text('b', { logprobs }) +
      event('[DONE]'),
  );
  expect(items.map((item) => item.type)).toEqual([
    'reasoning-delta',
    'text-delta',
    'logprobs',
    'text-delta',
    'logprobs',
    'warning',
    'finish',
  ]);
});

describe('a chunk with more than text is read by the schema', () => {
  const choice = { index: 0, delta: { content: 'a' }, finish_reason: null };
  test.each<[string, object, object]>([
    [
      'an error',
      { error: { message: 'full' }, choices: [choice] },
      { error: expect.objectContaining({ code: 'engine-failed' }) },
    ],
    ['usage', { choices: [choice], usage: { completion_tokens: 3 } }, { tokens: 3 }],
    ['a running count', { choices: [choice], timings: { predicted_n: 2 } }, { tokens: 2 }],
    ['a reason', { choices: [{ ...choice, finish_reason: 'length' }] }, { reason: 'length' }],
    ['a refusal', { choices: [{ ...choice, delta: { content: null, refusal: 'no' } }] }, { text: 'no' }],
    ['content of another type', { choices: [{ ...choice, delta: { content: 1 } }] }, { error: expect.anything() }],
    ['choices of another type', { choices: {} }, { error: expect.anything() }],
  ])('%s', async (_name, chunk, wanted) => {
    const { items, error } = await answer({}, event(chunk) + event('[DONE]'));
    const part = items.find((item) => item.type === 'text-delta');
    const finish = items.find((item) => item.type === 'finish');
    const found = { error, text: part?.text, tokens: finish?.usage.tokensOut, reason: finish?.reason };
    expect(found).toMatchObject(wanted);
  });
});

test.each([
  ['an empty delta', { delta: {} }],
  ['a role', { delta: { role: 'assistant', content: '' } }],
  ['nulls', { delta: { content: null, tool_calls: null }, logprobs: null }],
  ['text', { delta: { content: 'b' } }],
  ['a member of its own', { delta: {}, stop_reason: 2 }],
  ['a delta with a member of its own', { delta: { x: 1 } }],
])('an answer ends with its reason, said with %s', async (_name, choice) => {
  const end = event({ id: 'x', choices: [{ index: 0, finish_reason: 'length', ...choice }] });
  const { items, error } = await answer({}, text('a'), end);
  expect(error).toBeUndefined();
  expect(items.at(-1)).toMatchObject({ type: 'finish', reason: 'length' });
});

test('text that is taken together is what it is chunk by chunk', async () => {
  const texts = fc.array(fc.array(fc.constantFrom('', 'a', ' b', 'é', 'STOP', 'ST', 'OP'), { maxLength: 5 }), {
    maxLength: 4,
  });
  const stops = fc.constantFrom(undefined, ['STOP']);
  await fc.assert(
    fc.asyncProperty(texts, stops, async (reads, stop) => {
      const answerOf = (change: object) =>
        answer(
          { params: { ...request.params, stop } },
          ...reads.map((said) => said.map((one) => text(one, change)).join('')),
          event('[DONE]'),
        );
      const [short, long] = [await answerOf({}), await answerOf({ seen: true })];
      expect(short).toEqual(long);
    }),
  );
});
