import { describe, expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import type { Part } from '#lib/protocol/part.ts';
import { announce, answersWith, gatewayFixture, type Script } from './gateway.fixture.ts';

const clock = manualClock();
const fixture = (script?: Script, kinds: readonly string[] = ['chat', 'completion', 'embedding']) => {
  const made = gatewayFixture(script, { clock });
  announce(made.directory, clock, [{ kinds: [...kinds] }]);
  return made;
};
const model = 'tabloom-demo';

describe('POST /v1/embeddings', () => {
  const vector = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);
  const parts: readonly Part[] = [
    { type: 'embedding', index: 0, vector: vector(1, 0) },
    { type: 'embedding', index: 1, vector: vector(0, 1) },
  ];

  test('gives a vector for each text', async () => {
    const { post, asked } = fixture(answersWith(parts));
    const body = await (await post('/v1/embeddings', { model, input: ['a', 'b'], dimensions: 2 })).json();
    expect(asked[0]).toMatchObject({ kind: 'embedding', input: { texts: ['a', 'b'] }, params: { dimensions: 2 } });
    expect(body).toMatchObject({
      object: 'list',
      model,
      data: [
        { object: 'embedding', index: 0, embedding: [1, 0] },
        { object: 'embedding', index: 1, embedding: [0, 1] },
      ],
      usage: { prompt_tokens: 5, total_tokens: 5 },
    });
  });

  test('in base64, as the openai client asks for them', async () => {
    const { post } = fixture(answersWith(parts.slice(0, 1)));
    const body = await (await post('/v1/embeddings', { model, input: 'a', encoding_format: 'base64' })).json();
    expect(body.data[0].embedding).toBe(Buffer.from(vector(1, 0)).toString('base64'));
  });

  test('fewer vectors than texts are no answer', async () => {
    const { post } = fixture(answersWith(parts.slice(0, 1)));
    const response = await post('/v1/embeddings', { model, input: ['a', 'b'] });
    expect((await response.json()).error).toMatchObject({ code: 'peer_failed' });
  });

  test('of a model that only chats are refused before anything is asked', async () => {
    const { post, asked } = fixture(undefined, ['chat']);
    const response = await post('/v1/embeddings', { model, input: 'a' });
    expect(response.status).toBe(400);
    expect((await response.json()).error).toMatchObject({ code: 'feature_unavailable', param: 'model' });
    expect(asked).toEqual([]);
  });

  test('a text that is empty is named', async () => {
    const { post } = fixture();
    const { error } = await (await post('/v1/embeddings', { model, input: ['a', ''] })).json();
    expect(error).toMatchObject({ param: 'input.1', message: '"input.1" must not be empty.' });
  });

  test.each([{ input: '' }, { input: [] }, { input: [1, 2] }, { input: Array.from({ length: 2_049 }, () => 'a') }])(
    'an input that is none is 400',
    async (more) => {
      const { post } = fixture();
      const response = await post('/v1/embeddings', { model, ...more });
      expect((await response.json()).error).toMatchObject({ code: 'bad_request', param: 'input' });
    },
  );
});

describe('more texts than a job has room for', () => {
  /** A vector for each text: what the text says. */
  const counting: Script = async function* (request, signal, at) {
    const { texts } = request.input as { texts: readonly string[] };
    const parts = texts.map((text, index): Part => ({
      type: 'embedding',
      index,
      vector: new Uint8Array(Float32Array.of(Number(text.trim())).buffer),
    }));
    yield* answersWith(parts)(request, signal, at);
  };
  const numbers = (count: number, width = 0) => Array.from({ length: count }, (_, at) => String(at).padEnd(width));

  test('are several jobs and one list, as the AI SDK and LangChain send them by default', async () => {
    const { post, asked } = fixture(counting);
    const body = await (await post('/v1/embeddings', { model, input: numbers(2_048) })).json();
    expect(asked).toHaveLength(16);
    expect(body.data.map(({ index }: { index: number }) => index)).toEqual(numbers(2_048).map(Number));
    expect(body.data.map(({ embedding }: { embedding: number[] }) => embedding[0])).toEqual(numbers(2_048).map(Number));
    expect(body.usage).toMatchObject({ prompt_tokens: 16 * 5, total_tokens: 16 * 5 });
    expect(new Set(body.tabloom.jobs).size).toBe(16);
    expect(body.tabloom.job).toBe(body.tabloom.jobs[0]);
  });

  test('so are few long ones', async () => {
    const { post, asked } = fixture(counting);
    const body = await (await post('/v1/embeddings', { model, input: numbers(10, 20_000) })).json();
    expect(asked.map((ask) => (ask.input as { texts: unknown[] }).texts.length)).toEqual([4, 4, 2]);
    expect(body.data).toHaveLength(10);
  });

  test('what is wrong with one of them is told by its place in the request', async () => {
    const { post } = fixture(counting);
    const { error } = await (await post('/v1/embeddings', { model, input: numbers(300).with(257, '') })).json();
    expect(error).toMatchObject({ param: 'input.257', message: '"input.257" must not be empty.' });
    const many = await post('/v1/embeddings', { model, input: numbers(2_049) });
    expect((await many.json()).error).toMatchObject({ param: 'input', message: expect.stringMatching(/2048 strings/) });
  });

  test('come again under an Idempotency-Key as they were', async () => {
    const { request, asked } = fixture(counting);
    const again = () =>
      request('/v1/embeddings', {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': 'k' },
        body: JSON.stringify({ model, input: numbers(300) }),
      });
    const [first, second] = [await (await again()).json(), await (await again()).json()];
    expect(second).toEqual(first);
    expect(asked).toHaveLength(3);
  });
});
