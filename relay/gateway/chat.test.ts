import { describe, expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { decodeEnvelope, openEnvelope } from '#lib/protocol/envelope.ts';
import { maxTokensOf } from '#lib/protocol/job.ts';
import { chatCompletionSchema } from '#lib/protocol/openai.ts';
import { receiptSchema } from '#lib/protocol/receipt.ts';
import { announce, ask, gatewayFixture, worker } from './gateway.fixture.ts';
import { gatewayLimits } from './limits.ts';

describe('a whole answer', () => {
  test('has the shape of OpenAI and says who answered, with the signed receipt', async () => {
    const { chat, asked } = gatewayFixture();
    const response = await chat(ask({ max_tokens: 9, temperature: 0, seed: -1, stop: 'END', n: null }));
    expect(response.status).toBe(200);
    expect(response.headers.get('x-tabloom-peer')).toBe(worker.peer);
    expect(response.headers.get('x-tabloom-path')).toBe('direct');
    expect(response.headers.get('x-tabloom-route')).toBe('established; stranger=48; slower=2');
    const body = chatCompletionSchema.parse(await response.json());
    expect(body).toMatchObject({
      id: `chatcmpl-${asked[0]!.id}`,
      object: 'chat.completion',
      created: 1_700_000_000,
      model: 'tabloom-demo',
      choices: [{ index: 0, message: { role: 'assistant', content: 'Hello, you' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 },
      tabloom: { peer: worker.peer, path: 'direct', tier: 'open', warnings: [] },
    });
    const { receipt } = body.tabloom as { receipt: { envelope: string; checks: object } };
    const opened = openEnvelope('receipt', receiptSchema, decodeEnvelope(Buffer.from(receipt.envelope, 'base64')));
    expect(opened).toMatchObject({ peer: worker.peer, record: { jobId: asked[0]!.id, tokensOut: 2 } });
    expect(asked[0]).toMatchObject({
      model: { name: 'tabloom-demo' },
      kind: 'chat',
      input: { messages: [{ role: 'user', content: 'hello' }] },
      params: { maxTokens: 9, temperature: 0, seed: 0xffff_ffff, stop: ['END'] },
      tier: 'open',
    });
  });

  test('reads every form of message', async () => {
    const { chat, asked } = gatewayFixture();
    await chat(
      ask({
        messages: [
          { role: 'developer', content: 'be brief' },
          {
            role: 'user',
            content: [
              { type: 'text', text: 'a' },
              { type: 'text', text: 'b' },
            ],
            name: 'someone',
          },
          { role: 'assistant', content: null, tool_calls: [] },
          { role: 'assistant', content: [{ type: 'refusal', refusal: 'No.' }], name: null },
          { role: 'user', content: [{ type: 'text', text: null }] },
        ],
      }),
    );
    expect(asked[0]!.kind).toBe('chat');
    expect(asked[0]!.input).toEqual({
      messages: [
        { role: 'system', content: 'be brief' },
        { role: 'user', content: 'ab', name: 'someone' },
        { role: 'assistant', content: '' },
        { role: 'assistant', content: 'No.' },
        { role: 'user', content: '' },
      ],
    });
  });

  test('without a limit takes half of the context of the worker', async () => {
    const { chat, asked, directory } = gatewayFixture(undefined, { clock: manualClock() });
    announce(directory, manualClock(), [{ contextTokens: 300 }]);
    await chat(ask());
    await chat(ask({ model: 'catalogued' }));
    expect(asked.map(maxTokensOf)).toEqual([150, gatewayLimits.maxTokensDefault]);
  });

  test('B4: a limit past the context is said, in a field and a warning; null, 0 and -1 are none', async () => {
    const { chat, directory } = gatewayFixture(undefined, { clock: manualClock() });
    announce(directory, manualClock(), [{ contextTokens: 300 }]);
    const limitOf = async (more: object) => (await (await chat(ask(more))).json()).tabloom;
    expect(await limitOf({ max_tokens: 1_000 })).toMatchObject({
      max_tokens: 300,
      warnings: [{ code: 'parameter-clamped', param: 'max_tokens' }],
    });
    expect(await limitOf({ max_completion_tokens: 200, max_tokens: 7 })).toMatchObject({
      max_tokens: 200,
      warnings: [],
    });
    for (const max_tokens of [null, 0, -1]) {
      expect(await limitOf({ max_tokens })).toMatchObject({ max_tokens: 150, warnings: [] });
    }
  });

  test('what does no harm when it is left out comes back as a warning', async () => {
    const { chat } = gatewayFixture();
    const ignored = { prediction: { type: 'content' }, verbosity: 'low', made_up: 1 };
    const asUsual = {
      response_format: { type: 'text' },
      logit_bias: {},
      parallel_tool_calls: true,
      tool_choice: 'auto',
      tools: [],
      functions: [],
      modalities: ['text'],
      top_logprobs: 0,
      user: 'u',
    };
    const body = await (await chat(ask({ ...ignored, ...asUsual }))).json();
    expect(body.tabloom.warnings.map((warning: { param: string }) => warning.param)).toEqual(Object.keys(ignored));
  });

  test('null is the default in the own member too', async () => {
    const { chat, asked } = gatewayFixture();
    expect((await chat(ask({ tabloom: null }))).status).toBe(200);
    await chat(ask({ tabloom: { tier: null, deadline_ms: null, peers: null } }));
    expect(asked[1]).toMatchObject({ tier: 'open', deadlineMs: undefined });
    expect(asked[1]).not.toHaveProperty('only');
  });

  test('the own member chooses deadline and peers', async () => {
    const { chat, asked } = gatewayFixture();
    const tabloom = { tier: 'open', deadline_ms: 500, peers: [worker.peer] };
    const response = await chat(ask({ model: 'auto', tabloom, peer_tier: 'open' }), { 'x-tabloom-tier': 'open' });
    expect(asked[0]).toMatchObject({ model: 'any', tier: 'open', deadlineMs: 500, only: [worker.peer] });
    expect((await response.json()).model).toBe('tabloom-demo');
  });
});
