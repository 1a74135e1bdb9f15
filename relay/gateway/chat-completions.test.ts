import { describe, expect, test } from 'vitest';
import { manualClock, systemClock } from '#lib/base/clock.ts';
import { decodeEnvelope, openEnvelope } from '#lib/protocol/envelope.ts';
import { wireErrors } from '#lib/protocol/errors.ts';
import { chatCompletionChunkSchema, chatCompletionSchema, openAIErrorBodySchema } from '#lib/protocol/openai.ts';
import { receiptSchema } from '#lib/protocol/receipt.ts';
import {
  accepted,
  announce,
  answers,
  ask,
  endless,
  failed,
  gatewayFixture,
  part,
  readFrames,
  worker,
} from './gateway.fixture.ts';
import { gatewayLimits } from './limits.ts';

const errorOf = async (response: Response) => {
  const { error } = openAIErrorBodySchema.parse(await response.json());
  return { status: response.status, code: error.code, type: error.type, param: error.param, message: error.message };
};

describe('a whole answer', () => {
  test('has the shape of OpenAI and says who answered, with the signed receipt', async () => {
    const { chat, asked } = gatewayFixture();
    const response = await chat(ask({ max_tokens: 9, temperature: 0, seed: -1, stop: 'END', n: null }));
    expect(response.status).toBe(200);
    expect(response.headers.get('x-tabloom-peer')).toBe(worker.peer);
    expect(response.headers.get('x-tabloom-path')).toBe('direct');
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
      input: { kind: 'chat', messages: [{ role: 'user', content: 'hello' }] },
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
    expect(asked[0]!.input).toEqual({
      kind: 'chat',
      messages: [
        { role: 'system', content: 'be brief' },
        { role: 'user', content: 'ab', name: 'someone' },
        { role: 'assistant', content: '' },
        { role: 'assistant', content: 'No.' },
        { role: 'user', content: '' },
      ],
    });
  });

  test('without a limit takes half of the context of whoever serves it', async () => {
    const { chat, asked, directory } = gatewayFixture(undefined, { clock: manualClock() });
    announce(directory, manualClock(), [{ contextTokens: 300 }]);
    await chat(ask());
    await chat(ask({ model: 'catalogued' }));
    expect(asked.map(({ params }) => params.maxTokens)).toEqual([150, gatewayLimits.maxTokensDefault]);
  });

  test('wishes that are not granted come back as warnings', async () => {
    const { chat } = gatewayFixture();
    const wishes = { logprobs: true, tools: [{ type: 'function' }], max_tokens: 1e6, made_up: 1 };
    const asUsual = {
      response_format: { type: 'text' },
      logit_bias: {},
      parallel_tool_calls: true,
      tool_choice: 'auto',
      modalities: ['text'],
      top_logprobs: 0,
      user: 'u',
    };
    const body = await (await chat(ask({ ...wishes, ...asUsual }))).json();
    expect(body.tabloom.warnings.map((warning: { param: string }) => warning.param)).toEqual([
      'max_tokens',
      'logprobs',
      'tools',
      'made_up',
    ]);
  });

  test('calls of tools in a conversation are left out, and it says so once', async () => {
    const { chat } = gatewayFixture();
    const call = { id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } };
    const called = { role: 'assistant', content: null, tool_calls: [call] };
    const messages = [
      { role: 'user', content: 'a' },
      called,
      { role: 'tool', content: 'b', tool_call_id: 'c' },
      called,
    ];
    const body = await (await chat(ask({ messages }))).json();
    expect(body.tabloom.warnings).toMatchObject([{ code: 'parameter-ignored', param: 'messages.1.tool_calls' }]);
  });

  test('null is the default in the own member too', async () => {
    const { chat, asked } = gatewayFixture();
    expect((await chat(ask({ tabloom: null }))).status).toBe(200);
    await chat(ask({ tabloom: { tier: null, deadline_ms: null, peers: null } }));
    expect(asked[1]).toMatchObject({ tier: 'open', deadlineMs: undefined, only: undefined });
  });

  test('the own member chooses tier, deadline and peers', async () => {
    const { chat, asked } = gatewayFixture();
    const response = await chat(
      ask({ model: 'auto', tabloom: { tier: 'verified', deadline_ms: 500, peers: [worker.peer] } }),
    );
    expect(asked[0]).toMatchObject({ model: 'any', tier: 'verified', deadlineMs: 500, only: [worker.peer] });
    expect((await response.json()).model).toBe('tabloom-demo');
  });
});

describe('a streamed answer', () => {
  test('is chunks, a finish with the receipt, and [DONE]', async () => {
    const { chat } = gatewayFixture();
    const response = await chat(ask({ stream: true }));
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(response.headers.get('x-tabloom-peer')).toBe(worker.peer);
    const frames = await readFrames(response);
    expect(frames[0]).toBe(': ping');
    expect(frames.at(-1)).toBe('data: [DONE]');
    const chunks = frames.slice(1, -1).map((frame) => chatCompletionChunkSchema.parse(frame));
    expect(chunks.map((chunk) => chunk.choices[0]?.delta)).toEqual([
      { role: 'assistant', content: '' },
      { content: 'Hello' },
      { content: ', you' },
      {},
    ]);
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
    expect(chunks.map(({ usage }) => usage)).toEqual([undefined, undefined, undefined, undefined]);
    expect(chunks.at(-1)).toMatchObject({
      choices: [{ finish_reason: 'stop' }],
      tabloom: { peer: worker.peer, receipt: { envelope: expect.any(String) } },
    });
  });

  test('with include_usage ends with a chunk without choices, which then carries the receipt', async () => {
    const { chat } = gatewayFixture();
    const frames = await readFrames(await chat(ask({ stream: true, stream_options: { include_usage: true } })));
    const chunks = frames.slice(1, -1).map((frame) => chatCompletionChunkSchema.parse(frame));
    expect(chunks.slice(0, -1).every(({ usage }) => usage === null)).toBe(true);
    expect(chunks.at(-2)!.tabloom).toBeUndefined();
    expect(chunks.at(-1)).toMatchObject({
      choices: [],
      usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 },
      tabloom: { receipt: { envelope: expect.any(String) } },
    });
  });

  test('says something while nothing is said', async () => {
    const clock = manualClock();
    const { chat } = gatewayFixture(
      async function* (request) {
        yield* accepted(request, clock);
        await clock.delay(gatewayLimits.pingIntervalMs * 2 + 1);
        yield part('late', clock);
        yield failed('engine-failed');
      },
      { clock },
    );
    const reading = readFrames(await chat(ask({ stream: true })));
    for (let step = 0; step < 8; step++) await clock.advance(gatewayLimits.pingIntervalMs / 2);
    const frames = await reading;
    expect(frames.filter((frame) => frame === ': ping')).toHaveLength(3);
  });

  test('keeps the status back until a worker has taken it, but not for ever', async () => {
    const clock = manualClock();
    const { chat } = gatewayFixture(
      async function* () {
        yield { type: 'job-routing', at: 0, attempt: 1 };
        await clock.delay(gatewayLimits.statusHoldMs * 2);
        yield failed('no-peer-available');
      },
      { clock },
    );
    let response: Response | undefined;
    const asking = chat(ask({ stream: true })).then((answer) => (response = answer));
    await clock.advance(gatewayLimits.statusHoldMs - 10);
    expect(response).toBeUndefined();
    await clock.advance(20);
    await asking;
    const reading = readFrames(response!);
    for (let step = 0; step < 8; step++) await clock.advance(gatewayLimits.pingIntervalMs / 2);
    const frames = await reading;
    expect(response!.status).toBe(200);
    expect(frames.at(-1)).toMatchObject({ error: { code: 'no_peer_available' } });
  });

  test('that breaks in the middle says so in its last frame and does not say it is done', async () => {
    const { chat } = gatewayFixture(async function* (request, _signal, clock) {
      yield* accepted(request, clock);
      yield part('Hel', clock);
      yield failed('peer-lost');
    });
    const frames = await readFrames(await chat(ask({ stream: true })));
    expect(frames).not.toContain('data: [DONE]');
    expect(openAIErrorBodySchema.parse(frames.at(-1)).error).toMatchObject({ code: 'peer_lost', type: 'server_error' });
  });
});

describe('a client that leaves stops the job', () => {
  const leaves = {
    'by closing a stream': async (stopped: Promise<void>, fixture: ReturnType<typeof gatewayFixture>) => {
      const response = await fixture.chat(ask({ stream: true }));
      const reader = response.body!.getReader();
      for (let frame = 0; frame < 4; frame++) await reader.read();
      await reader.cancel();
      await stopped;
    },
    'by aborting while nobody reads the stream': async (
      stopped: Promise<void>,
      fixture: ReturnType<typeof gatewayFixture>,
    ) => {
      const client = new AbortController();
      await fixture.chat(ask({ stream: true }), {}, client.signal);
      client.abort();
      await stopped;
    },
    'by aborting a whole answer': async (stopped: Promise<void>, fixture: ReturnType<typeof gatewayFixture>) => {
      const client = new AbortController();
      const response = fixture.chat(ask(), {}, client.signal);
      client.abort();
      await stopped;
      expect((await response).status).toBe(499);
    },
  };
  test.each(Object.entries(leaves))('%s', async (_name, leave) => {
    const { promise: stopped, resolve } = Promise.withResolvers<void>();
    const fixture = gatewayFixture(endless(resolve), { clock: systemClock });
    await leave(stopped, fixture);
    await fixture.jobs.idle({});
    expect(fixture.jobs.tally).toMatchObject({ running: 0, finished: 0, cancelled: 1 });
  });
});

describe('errors', () => {
  test.each([
    ['no messages', { model: 'tabloom-demo' }, 'messages'],
    ['an empty conversation', { ...ask(), messages: [] }, 'messages'],
    ['a made-up role', ask({ messages: [{ role: 'boss', content: '' }] }), 'messages.0.role'],
    ['a picture', ask({ messages: [{ role: 'user', content: [{ type: 'image_url' }] }] }), 'messages.0.content'],
    ['no model', { messages: [{ role: 'user', content: '' }] }, 'model'],
    ['a temperature out of range', ask({ temperature: 3 }), 'temperature'],
    ['no token at all', ask({ max_tokens: 0 }), 'max_tokens'],
    ['a stream that is a word', ask({ stream: 'yes' }), 'stream'],
    ['two answers', ask({ n: 2 }), 'n'],
    ['a stop sequence that is too long', ask({ stop: ['x'.repeat(300)] }), 'stop.0'],
    ['a wrong extension', ask({ tabloom: { tier: 'secret' } }), 'tabloom.tier'],
    ['a list for a body', [], 'body'],
    ['null for a body', null, 'body'],
  ])('%s is 400', async (_name, body, param) => {
    const { chat, asked } = gatewayFixture();
    expect(await errorOf(await chat(body as object))).toMatchObject({
      status: 400,
      code: 'bad_request',
      type: 'invalid_request_error',
      param,
    });
    expect(asked).toEqual([]);
  });

  test('what is not JSON', async () => {
    const { request } = gatewayFixture();
    const post = (body: string, type: string | undefined) =>
      request('/v1/chat/completions', { method: 'POST', body, headers: type ? { 'content-type': type } : {} });
    expect(await errorOf(await post('{', 'application/json'))).toMatchObject({ status: 400, code: 'bad_json' });
    expect(await errorOf(await post('', 'application/json'))).toMatchObject({ status: 400, code: 'bad_json' });
    expect(await errorOf(await post('{}', 'text/plain'))).toMatchObject({ status: 415 });
    expect(await errorOf(await post('{}', 'application/x-www-form-urlencoded'))).toMatchObject({
      status: 415,
      code: 'unsupported_media_type',
    });
    const large = JSON.stringify(ask({ padding: 'x'.repeat(gatewayLimits.bodyBytesMax) }));
    expect(await errorOf(await post(large, 'application/json; charset=utf-8'))).toMatchObject({
      status: 413,
      code: 'body_too_large',
    });
  });

  test('an unknown model is 404, a known one that nobody serves is the network to say', async () => {
    const { chat } = gatewayFixture(async function* () {
      yield failed('no-peer-available');
    });
    expect(await errorOf(await chat(ask({ model: 'gpt-9' })))).toMatchObject({ status: 404, code: 'model_not_found' });
    const response = await chat(ask({ model: 'catalogued' }));
    expect(response.headers.get('retry-after')).toBe('3');
    expect(await errorOf(response)).toMatchObject({ status: 503, code: 'no_peer_available', type: 'server_error' });
  });

  test.each(Object.entries(wireErrors).filter(([code]) => code !== 'cancelled'))(
    '%s has its status, streamed or not',
    async (code, { status }) => {
      const { chat } = gatewayFixture(async function* () {
        yield { type: 'job-routing', at: 0, attempt: 1 };
        yield failed(code);
      });
      for (const stream of [false, true]) {
        expect(await errorOf(await chat(ask({ stream })))).toMatchObject({ status, code: code.replaceAll('-', '_') });
      }
    },
  );

  test("a worker's wait becomes Retry-After; a newer peer's code counts as the peer's failure", async () => {
    const { chat } = gatewayFixture(async function* (request) {
      yield request.params.seed === 1 ? failed('busy', { retryAfterMs: 4_200 }) : failed('quantum-decoherence');
    });
    expect((await chat(ask({ seed: 1 }))).headers.get('retry-after')).toBe('5');
    expect(await errorOf(await chat(ask({ seed: 2 })))).toMatchObject({ status: 502, code: 'quantum_decoherence' });
  });

  test('a failure of our own tells nothing of its inside', async () => {
    const { chat } = gatewayFixture(() => {
      throw new Error('secret path /etc');
    });
    const error = await errorOf(await chat(ask()));
    expect(error).toMatchObject({ status: 500, code: 'internal' });
    expect(error.message).not.toContain('secret');
  });

  test('other methods and paths', async () => {
    const { request } = gatewayFixture();
    const get = await request('/v1/chat/completions');
    expect(get.headers.get('allow')).toBe('POST');
    expect(await errorOf(get)).toMatchObject({ status: 405, code: 'method_not_allowed' });
    expect(await errorOf(await request('/v1/embeddings', { method: 'POST' }))).toMatchObject({ status: 404 });
    expect((await request('/share')).status).toBe(200);
  });

  test('nothing of a prompt or an answer is ever logged', async () => {
    const { chat, logged } = gatewayFixture(answers('the sea is green'));
    await (await chat(ask({ messages: [{ role: 'user', content: 'what colour' }], stream: true }))).text();
    await chat(ask({ messages: [{ role: 'user', content: 'what colour' }], temperature: 9 }));
    expect(logged.length).toBeGreaterThan(0);
    expect(logged.join()).not.toMatch(/colour|green/);
  });
});
