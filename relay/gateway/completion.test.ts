import { describe, expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import type { Part } from '#lib/protocol/part.ts';
import { announce, answers, answersWith, gatewayFixture, readFrames, type Script } from './gateway.fixture.ts';

const clock = manualClock();
const fixture = (script?: Script) => {
  const made = gatewayFixture(script, { clock });
  announce(made.directory, clock, [{ kinds: ['chat', 'completion', 'embedding'], features: ['logprobs'] }]);
  return made;
};
const model = 'tabloom-demo';

describe('POST /v1/completions', () => {
  test('gives the prompt to the model as it is, and the answer in the older form', async () => {
    const { post, asked } = fixture(answers('upon', ' a time'));
    const body = await (await post('/v1/completions', { model, prompt: 'Once', temperature: 0 })).json();
    expect(asked[0]).toMatchObject({ kind: 'completion', input: { prompt: 'Once' }, params: { maxTokens: 16 } });
    expect(body).toMatchObject({
      object: 'text_completion',
      model,
      choices: [{ index: 0, text: 'upon a time', logprobs: null, finish_reason: 'stop' }],
      usage: { prompt_tokens: 5, completion_tokens: 2 },
      tabloom: { max_tokens: 16 },
    });
  });

  test('in pieces, data first', async () => {
    const { post } = fixture(answers('upon', ' a time'));
    const more = { stream: true, stream_options: { include_usage: true } };
    const frames = await readFrames(await post('/v1/completions', { model, prompt: ['Once'], ...more }));
    const texts = frames.map((frame) => (frame as { choices?: { text: string }[] }).choices?.[0]?.text);
    expect(texts).toEqual(['upon', ' a time', '', undefined, undefined]);
    expect(frames.at(-2)).toMatchObject({ object: 'text_completion', choices: [], usage: { completion_tokens: 2 } });
    expect(frames.at(-1)).toBe('data: [DONE]');
  });

  test('with log-probabilities as lists', async () => {
    const parts: readonly Part[] = [
      { type: 'text-delta', text: 'ab', tokens: 2 },
      {
        type: 'logprobs',
        items: [
          { token: 'a', logprob: -1, top: [{ token: 'x', logprob: -2 }] },
          { token: 'b', logprob: -3, top: [] },
        ],
      },
    ];
    const { post, asked } = fixture(answersWith(parts));
    const body = await (await post('/v1/completions', { model, prompt: 'x', logprobs: 1 })).json();
    expect(asked[0]!.params).toMatchObject({ logprobs: 1 });
    expect(body.choices[0].logprobs).toEqual({
      tokens: ['a', 'b'],
      token_logprobs: [-1, -3],
      top_logprobs: [{ x: -2 }, {}],
      text_offset: [0, 1],
    });
  });

  test.each([
    ['prompt', { prompt: [1, 2] }],
    ['prompt', { prompt: ['a', 'b'] }],
    ['echo', { prompt: 'x', echo: true }],
    ['suffix', { prompt: 'x', suffix: '}' }],
    ['best_of', { prompt: 'x', best_of: 2 }],
    ['response_format', { prompt: 'x', response_format: { type: 'json_object' } }],
    ['tools', { prompt: 'x', tools: [{ type: 'function', function: { name: 'f' } }] }],
    ['tool_choice', { prompt: 'x', tool_choice: 'required' }],
  ])('%s that is not taken is 400: %o', async (param, more) => {
    const { post } = fixture();
    const response = await post('/v1/completions', { model, ...more });
    expect((await response.json()).error).toMatchObject({ code: 'bad_request', param });
  });
});
