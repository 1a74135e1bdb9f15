import { describe, expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { errorCode } from '#lib/base/errors.ts';
import { remoteModel } from '../catalog.ts';
import { createOpenAICompatibleEngine } from '../openai-compatible.ts';
import type { ScoreRequest } from '../spec.ts';
import type { ServerFlavour } from './request-body.ts';

/** Not vLLM: a double of the three of its routes that scoring takes, which finds each token less likely than the one before. */
function fakeVllm(change: (path: string, body: Record<string, unknown>) => unknown = () => undefined) {
  const posted: { readonly path: string; readonly body: Record<string, unknown> }[] = [];
  const respond = (path: string, body: Record<string, unknown>): unknown => {
    if (path === '/tokenize') return { count: 3, tokens: [5, 6, 7] };
    if (path === '/detokenize') return { prompt: (body['tokens'] as number[]).map((id) => `<${id}>`).join('') };
    const prompt = body['prompt'] as number[];
    const of = (id: number, at: number) =>
      id === 99
        ? { 99: { logprob: -9, rank: 40 }, 1: { logprob: -0.5, rank: 1 } }
        : { [id]: { logprob: -at / 10, rank: 1 } };
    return { choices: [{ text: 'x', prompt_logprobs: prompt.map((id, at) => (at === 0 ? null : of(id, at))) }] };
  };
  const fetch = async (url: URL, init?: { readonly body?: string }) => {
    const path = url.pathname;
    if (path === '/v1/models') return Response.json({ data: [{ id: 'm', owned_by: 'vllm' }] });
    const body = JSON.parse(init!.body!) as Record<string, unknown>;
    posted.push({ path, body });
    const changed = change(path, body);
    return changed instanceof Response ? changed : Response.json(changed ?? respond(path, body));
  };
  const load = (flavour: ServerFlavour = 'vllm') =>
    createOpenAICompatibleEngine({ baseUrl: 'http://127.0.0.1:9/v1', flavour, clock: manualClock(), fetch }).load(
      remoteModel({ remoteName: 'm', contextTokens: 32 }),
      {},
    );
  return { posted, load };
}

const chat: ScoreRequest['prompt'] = {
  kind: 'chat',
  input: { messages: [{ role: 'user', content: 'Hello' }] },
  params: { maxTokens: 16 },
};

test('an answer is read as ids behind those of its prompt, as this server renders it', async () => {
  const { posted, load } = fakeVllm();
  const loaded = await load();
  const scores = await loaded.score!({ prompt: chat, answer: [8, 99, 9], text: '<8><99><9>' }, {});
  expect(scores).toEqual([
    { logprob: -0.3, best: -0.3 },
    { logprob: -9, best: -0.5 },
    { logprob: -0.5, best: -0.5 },
  ]);
  expect(posted.map(({ path }) => path)).toEqual(['/tokenize', '/detokenize', '/v1/completions']);
  expect(posted[0]!.body).toMatchObject({ model: 'm', messages: [{ role: 'user' }], add_generation_prompt: true });
  expect(posted[2]!.body).toEqual({
    model: 'm',
    prompt: [5, 6, 7, 8, 99, 9],
    max_tokens: 1,
    temperature: 0,
    prompt_logprobs: 1,
  });
});

test('servers that do not state it do not score', async () => {
  for (const flavour of ['openai', 'ollama', 'llama-server'] as const) {
    expect((await fakeVllm().load(flavour)).score).toBeUndefined();
  }
});

describe('refusals', () => {
  const codeOf = async (request: ScoreRequest, change?: Parameters<typeof fakeVllm>[0], signal?: AbortSignal) =>
    (await fakeVllm(change).load()).score!(request, { signal }).then(() => 'ok', errorCode);

  test('of the request', async () => {
    expect(await codeOf({ prompt: [], answer: [1] })).toBe('bad-request');
    expect(await codeOf({ prompt: [1], answer: [2], text: 'else' })).toBe('bad-request');
    expect(await codeOf({ prompt: [1], answer: Array.from({ length: 31 }, () => 2) })).toBe('too-long');
    expect(await codeOf({ prompt: [1], answer: [2] }, undefined, AbortSignal.abort())).toBe('aborted');
    expect(await codeOf({ prompt: [1], answer: [] })).toBe('ok');
  });

  test.each([
    ['no JSON', new Response('<html>')],
    ['another form', { choices: [] }],
    ['a token left out', { choices: [{ prompt_logprobs: [null] }] }],
    ['another token in its place', { choices: [{ prompt_logprobs: [null, { 3: { logprob: -1 } }] }] }],
    ['no numbers', { choices: [{ prompt_logprobs: [null, { 2: { logprob: 'high' } }] }] }],
  ])('of an answer with %s', async (_name, answer) => {
    expect(await codeOf({ prompt: [1], answer: [2] }, () => answer)).toBe('engine-failed');
  });

  test('of a server that has no such route', async () => {
    const gone = () => new Response('', { status: 404 });
    expect(await codeOf({ prompt: chat, answer: [2] }, gone)).toBe('model-unknown');
  });
});
