import { describe, expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { errorCode, type TabloomError } from '#lib/base/errors.ts';
import { emptyOutput, foldOutput } from '#lib/protocol/output.ts';
import { partSchema } from '#lib/protocol/part.ts';
import { remoteModel } from './catalog.ts';
import { createOpenAICompatibleEngine } from './openai-compatible.ts';
import type { ServerFlavour } from './remote/request-body.ts';
import { serverUrl } from './remote/server-url.ts';
import type { EngineEvent, EngineRequest } from './spec.ts';

const request: EngineRequest = {
  kind: 'chat',
  input: { messages: [{ role: 'user', content: 'Hello' }] },
  params: { maxTokens: 16, temperature: 0, seed: 3, stop: ['END'] },
};

/** Responds to one request with these lines, split into pieces of `pieceBytes`. */
async function answered(
  lines: readonly string[] | Response,
  options: {
    readonly flavour?: ServerFlavour;
    readonly request?: EngineRequest;
    readonly pieceBytes?: number;
    readonly task?: 'text' | 'embedding';
  } = {},
) {
  let posted: unknown;
  const bytes = new TextEncoder().encode(Array.isArray(lines) ? lines.map((line) => `${line}\n`).join('') : '');
  const engine = createOpenAICompatibleEngine({
    baseUrl: 'http://127.0.0.1:9/v1',
    flavour: options.flavour ?? 'vllm',
    task: options.task ?? 'text',
    clock: manualClock(),
    fetch: async (url, init) => {
      if (String(url).endsWith('/models')) return Response.json({ data: [{ id: 'm' }] });
      posted = JSON.parse(String(init?.body));
      if (lines instanceof Response) return lines;
      let at = 0;
      return new Response(
        new ReadableStream<Uint8Array>({
          pull(controller) {
            if (at >= bytes.length) return controller.close();
            controller.enqueue(bytes.slice(at, (at += options.pieceBytes ?? 7)));
          },
        }),
      );
    },
  });
  const loaded = await engine.load(remoteModel({ remoteName: 'm', contextTokens: 100 }), {});
  const events: EngineEvent[] = [];
  const error = await (async () => {
    for await (const event of loaded.doStream(options.request ?? request, {})) events.push(event);
    return undefined;
  })().catch((thrown: unknown) => thrown);
  return { code: error === undefined ? 'ok' : errorCode(error), error, events, posted };
}

const chunk = (content: string, more: object = {}) =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content }, finish_reason: null }], ...more })}`;
const finish = (reason: string) => `data: {"choices":[{"index":0,"delta":{},"finish_reason":"${reason}"}]}`;
const usage = (prompt: number, completion: number) =>
  `data: {"choices":[],"usage":{"prompt_tokens":${prompt},"completion_tokens":${completion},"total_tokens":0}}`;

describe('reading an answer', () => {
  test.each([1, 3, 1_000])(
    'reads text in pieces of %i bytes, with comments and both line endings',
    async (pieceBytes) => {
      const lines = [
        ': ping',
        chunk('Grüß') + '\r',
        '',
        'event: x',
        chunk(' dich'),
        finish('stop'),
        usage(5, 2),
        'data: [DONE]',
      ];
      const { events } = await answered(lines, { pieceBytes });
      expect(events).toEqual([
        { type: 'text-delta', text: 'Grüß', tokens: 1 },
        { type: 'text-delta', text: ' dich', tokens: 1 },
        { type: 'finish', reason: 'stop', usage: { tokensIn: 5, tokensOut: 2 }, timings: { ttftMs: 0, decodeMs: 0 } },
      ]);
    },
  );

  test('uses the server’s count when a chunk holds several tokens', async () => {
    const { events } = await answered([chunk('one two three'), finish('length'), usage(5, 3), 'data: [DONE]']);
    expect(events).toEqual([
      { type: 'text-delta', text: 'one two three', tokens: 1 },
      { type: 'text-delta', text: '', tokens: 2 },
      expect.objectContaining({ type: 'finish', reason: 'length', usage: { tokensIn: 5, tokensOut: 3 } }),
    ]);
    const running = [
      chunk('one two', { usage: { prompt_tokens: 5, completion_tokens: 2 } }),
      finish('stop'),
      'data: [DONE]',
    ];
    expect((await answered(running)).events[0]).toEqual({ type: 'text-delta', text: 'one two', tokens: 2 });
    const timed = [chunk('one two', { timings: { predicted_n: 2 } }), finish('stop'), 'data: [DONE]'];
    expect((await answered(timed)).events[0]).toEqual({ type: 'text-delta', text: 'one two', tokens: 2 });
  });

  test.each([
    ['breaks off', [chunk('one')], 'engine-failed'],
    ['is not JSON', ['data: {'], 'engine-failed'],
    ['is of another protocol', ['data: {"choices":"none"}'], 'engine-failed'],
    ['tells of an error', ['data: {"error":{"message":"out of memory"}}'], 'engine-failed'],
    ['is an endless line', [`data: ${'x'.repeat(4 * 1024 * 1024 + 10)}`], 'engine-failed'],
  ])('fails when the stream %s', async (_, lines, code) => {
    expect((await answered(lines, { pieceBytes: 65_536 })).code).toBe(code);
  });

  test.each([
    [429, '', 'busy'],
    [503, '', 'busy'],
    [401, '', 'engine-failed'],
    [404, '', 'model-unknown'],
    [500, 'context', 'engine-failed'],
    [400, '{"error":{"message":"maximum context length is 4096 tokens"}}', 'too-long'],
    [400, '{"error":{"message":"bad seed"}}', 'bad-request'],
    [422, '{"detail":"no tools here"}', 'bad-request'],
  ])('maps status %i %s to %s', async (status, body, code) => {
    expect((await answered(new Response(body, { status }))).code).toBe(code);
  });
});

describe('C5: a good answer is not discarded because of how it ends', () => {
  const text = (events: readonly EngineEvent[]) =>
    events.map((event) => (event.type === 'text-delta' ? event.text : '')).join('');
  const last = {
    'no choices': 'data: {"choices":null,"usage":{"prompt_tokens":5,"completion_tokens":1}}',
    'a usage without counts': 'data: {"choices":[],"usage":{}}',
    'a usage of nulls': 'data: {"choices":[],"usage":{"prompt_tokens":null,"completion_tokens":null}}',
    'counts that are floats': 'data: {"choices":[],"usage":{"prompt_tokens":5.0,"completion_tokens":1.5}}',
    'a usage that is a string': 'data: {"choices":[],"usage":"none"}',
    'an event without data': 'data:',
  };
  test.each(Object.entries(last))('%s', async (_name, line) => {
    const { code, events } = await answered([chunk('one'), '', finish('stop'), '', line, '', 'data: [DONE]']);
    expect({ code, text: text(events) }).toEqual({ code: 'ok', text: 'one' });
    expect(events.at(-1)).toMatchObject({ type: 'finish', reason: 'stop', usage: { tokensOut: 1 } });
  });

  test('[DONE] without a finish_reason', async () => {
    const { code, events } = await answered([chunk('one'), '', 'data: [DONE]']);
    expect({ code, text: text(events) }).toEqual({ code: 'ok', text: 'one' });
  });

  test('a last event without its blank line', async () => {
    expect((await answered([chunk('one'), '', finish('length')])).events.at(-1)).toMatchObject({ reason: 'length' });
  });

  test('plain JSON instead of a stream', async () => {
    const body = {
      choices: [{ index: 0, message: { role: 'assistant', content: 'all at once' }, finish_reason: 'length' }],
      usage: { prompt_tokens: 5, completion_tokens: 3 },
    };
    const { events } = await answered(Response.json(body));
    expect(events).toEqual([
      { type: 'text-delta', text: 'all at once', tokens: 3 },
      expect.objectContaining({ type: 'finish', reason: 'length', usage: { tokensIn: 5, tokensOut: 3 } }),
    ]);
  });

  test('200 kB at once and 9,000 hidden tokens are split into parts within the wire’s limits', async () => {
    const long = 'x😀'.repeat(70_000);
    const lines = [chunk(long), '', finish('stop'), '', usage(5, 9_001), '', 'data: [DONE]'];
    const { events } = await answered(lines, { pieceBytes: 65_536 });
    const parts = events.filter((event) => event.type === 'text-delta');
    expect(text(parts)).toBe(long);
    for (const part of parts) expect(partSchema.safeParse(part).success).toBe(true);
    expect(events.at(-1)).toMatchObject({ type: 'finish', usage: { tokensOut: 9_001 } });
    expect(parts.reduce((sum, part) => sum + part.tokens, 0)).toBe(9_001);
  });
});

describe('A7: a busy server’s retry time is passed on', () => {
  const waits: readonly [Record<string, string>, number | undefined][] = [
    [{ 'retry-after': '7' }, 7_000],
    [{ 'retry-after': 'Tue, 14 Nov 2023 22:13:50 GMT' }, 30_000],
    [{ 'retry-after': '9', 'retry-after-ms': '250' }, 250],
    [{ 'retry-after': 'Tue, 14 Nov 2000 22:13:50 GMT' }, 0],
    [{ 'retry-after': '1e9' }, undefined],
    [{ 'retry-after': '999999999' }, 600_000],
    [{}, undefined],
  ];
  test.each(waits)('%o', async (headers, retryAfterMs) => {
    const { error } = await answered(new Response('', { status: 429, headers }));
    expect(error).toMatchObject({ code: 'busy' });
    expect((error as TabloomError).details['retryAfterMs']).toBe(retryAfterMs);
  });

  test('the reason for a rejected request is passed on as one printable line', async () => {
    const body = JSON.stringify({ error: { message: 'bad\u001b[31m "seed"\n\u202e' } });
    const { error } = await answered(new Response(body, { status: 400 }));
    expect(error).toMatchObject({ code: 'bad-request', message: expect.stringContaining('bad [31m "seed"') });
  });
});

/** The chunks of a chat: each `delta`, then the end. */
const chunksOf = (deltas: readonly object[], reason = 'stop') => [
  ...deltas.flatMap((delta) => [`data: ${JSON.stringify({ choices: [{ index: 0, delta }] })}`, '']),
  finish(reason),
  '',
  'data: [DONE]',
];
const foldAll = (events: readonly EngineEvent[]) =>
  events.reduce((output, event) => (event.type === 'finish' ? output : foldOutput(output, event)), emptyOutput);

describe('B3: output other than text is passed on', () => {
  const call = (more: object, fn: object) => ({ tool_calls: [{ ...more, function: fn }] });
  const two = [
    { id: 'a', name: 'f', arguments: '{"x":1}' },
    { id: 'b', name: 'g', arguments: '{}' },
  ];
  test.each([
    [
      'in pieces, as OpenAI and vLLM',
      [
        call({ index: 0, id: 'a', type: 'function' }, { name: 'f', arguments: '' }),
        call({ index: 0 }, { arguments: '{"x"' }),
        call({ index: 0 }, { arguments: ':1}' }),
        call({ index: 1, id: 'b' }, { name: 'g', arguments: '{}' }),
      ],
    ],
    [
      'whole and all numbered 0, as some Ollamas',
      [
        call({ index: 0, id: 'a' }, { name: 'f', arguments: '{"x":1}' }),
        call({ index: 0, id: 'b' }, { name: 'g', arguments: '{}' }),
      ],
    ],
    [
      'without numbers, arguments as an object',
      [call({ id: 'a' }, { name: 'f', arguments: { x: 1 } }), call({ id: 'b' }, { name: 'g', arguments: {} })],
    ],
    [
      'with name and id in every piece',
      [
        call({ index: 0, id: 'a' }, { name: 'f', arguments: '{"x"' }),
        call({ index: 0, id: 'a' }, { name: 'f', arguments: ':1}' }),
        call({ index: 1, id: 'b' }, { name: 'g', arguments: '{}' }),
      ],
    ],
  ])('calls %s', async (_name, deltas) => {
    const { events } = await answered(chunksOf(deltas, 'tool_calls'));
    expect(foldAll(events).toolCalls).toEqual(two);
    expect(events.at(-1)).toMatchObject({ type: 'finish', reason: 'tool-calls' });
  });

  test('calls without an id get one, and a call that finishes with "stop" is still a call', async () => {
    const { events } = await answered(chunksOf([call({ index: 0 }, { name: 'f', arguments: '{}' })]));
    expect(foldAll(events).toolCalls).toMatchObject([{ id: expect.stringMatching(/^call_/), name: 'f' }]);
    expect(events.at(-1)).toMatchObject({ reason: 'tool-calls' });
  });

  test('calls in a body that is not streamed', async () => {
    const message = { content: null, tool_calls: [{ id: 'a', function: { name: 'f', arguments: '{"x":1}' } }] };
    const { events } = await answered(Response.json({ choices: [{ message, finish_reason: 'tool_calls' }] }));
    expect(foldAll(events).toolCalls).toEqual(two.slice(0, 1));
  });

  test.each(['reasoning_content', 'reasoning'])('reasoning as %s', async (member) => {
    const { events } = await answered(chunksOf([{ [member]: 'Hm' }, { content: 'Yes' }]));
    expect(foldAll(events)).toMatchObject({ reasoning: 'Hm', text: 'Yes', tokens: 2 });
  });

  test.each([
    ['content_filter', 'content-filter'],
    ['length', 'length'],
    ['eos', 'stop'],
  ])('finish reason %s', async (server, reason) => {
    expect((await answered(chunksOf([{ content: 'x' }], server))).events.at(-1)).toMatchObject({ reason });
  });

  test('log-probabilities, in both forms', async () => {
    const wanting = { ...request, params: { ...request.params, logprobs: 1 } } as EngineRequest;
    const newer = {
      content: [{ token: 'é', logprob: -0.5, bytes: [195, 169], top_logprobs: [{ token: 'e', logprob: null }] }],
    };
    const older = { tokens: ['a'], token_logprobs: [-1], top_logprobs: [{ b: -2 }] };
    const lines = [newer, older].flatMap((logprobs) => [
      `data: ${JSON.stringify({ choices: [{ delta: { content: 'x' }, logprobs }] })}`,
      '',
    ]);
    const { events, posted } = await answered([...lines, finish('stop'), '', 'data: [DONE]'], { request: wanting });
    expect(posted).toMatchObject({ logprobs: true, top_logprobs: 1 });
    expect(foldAll(events).logprobs).toEqual([
      { token: 'é', logprob: -0.5, bytes: Uint8Array.of(195, 169), top: [{ token: 'e', logprob: -9_999 }] },
      { token: 'a', logprob: -1, top: [{ token: 'b', logprob: -2 }] },
    ]);
  });

  test('prompt tokens the server does not report are estimated, not signed as zero', async () => {
    expect((await answered(chunksOf([{ content: 'x' }]))).events.at(-1)).toMatchObject({ usage: { tokensIn: 2 } });
  });
});

describe('B3: what agents send is forwarded', () => {
  const agent: EngineRequest = {
    kind: 'chat',
    input: {
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'What is it?' },
            { type: 'blob', mime: 'image/png', sha256: 'a'.repeat(64), sizeBytes: 3 },
          ],
        },
        { role: 'assistant', content: '', toolCalls: [{ id: 'c', name: 'f', arguments: '{}' }] },
        { role: 'tool', content: 'rain', toolCallId: 'c' },
      ],
      tools: [{ name: 'f', description: 'F', parameters: '{"type":"object"}' }],
    },
    params: {
      maxTokens: 9,
      topK: 40,
      minP: 0.1,
      repetitionPenalty: 1.1,
      logitBias: [[7, -100]],
      toolChoice: { type: 'named', name: 'f' },
      parallelToolCalls: false,
      responseFormat: { type: 'json-schema', name: 'x', schema: '{"type":"object"}' },
      reasoningEffort: 'low',
    },
    blobs: new Map([['a'.repeat(64), Uint8Array.of(1, 2, 3)]]),
  };
  const written = {
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is it?' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,AQID' } },
        ],
      },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }],
      },
      { role: 'tool', content: 'rain', tool_call_id: 'c' },
    ],
    tools: [{ type: 'function', function: { name: 'f', description: 'F', parameters: { type: 'object' } } }],
    tool_choice: { type: 'function', function: { name: 'f' } },
    parallel_tool_calls: false,
    response_format: { type: 'json_schema', json_schema: { name: 'x', schema: { type: 'object' }, strict: true } },
    logit_bias: { 7: -100 },
    reasoning_effort: 'low',
  };
  test('to vLLM and llama.cpp with their samplers', async () => {
    const vllm = await answered([finish('stop')], { request: agent });
    expect(vllm.posted).toMatchObject({ ...written, top_k: 40, min_p: 0.1, repetition_penalty: 1.1 });
    const llama = await answered([finish('stop')], { request: agent, flavour: 'llama-server' });
    expect(llama.posted).toMatchObject({ ...written, top_k: 40, repeat_penalty: 1.1 });
  });
  test('to others without them, with a warning', async () => {
    const { posted, events } = await answered([finish('stop')], { request: agent, flavour: 'openai' });
    expect(posted).toMatchObject(written);
    expect(posted).not.toHaveProperty('top_k');
    const warned = events.flatMap((event) =>
      event.type === 'warning' && event.code === 'parameter-ignored' ? [event.message] : [],
    );
    expect(warned.map((message) => /"(\w+)"/.exec(message)?.[1])).toEqual(['top_k', 'min_p', 'repetition_penalty']);
  });
  test('a missing image is an error, not ignored', async () => {
    const { code, posted } = await answered([finish('stop')], { request: { ...agent, blobs: new Map() } });
    expect({ code, posted }).toEqual({ code: 'bad-request', posted: undefined });
  });
});

describe('embeddings', () => {
  const asked: EngineRequest = { kind: 'embedding', input: { texts: ['a', 'b'] }, params: { dimensions: 2 } };
  const options = { request: asked, task: 'embedding' } as const;
  const answerOf = (data: unknown) => answered(Response.json({ data, usage: { prompt_tokens: 4 } }), options);

  test('arrive in the order of the texts, at unit length', async () => {
    const { events, posted } = await answerOf([
      { index: 1, embedding: [0, 2] },
      { index: 0, embedding: [3, 4] },
    ]);
    expect(posted).toEqual({ model: 'm', input: ['a', 'b'], encoding_format: 'float', dimensions: 2 });
    const vectors = events.flatMap((event) => (event.type === 'embedding' ? [event.vector] : []));
    expect(
      vectors.map((vector) => [...new Float32Array(vector.buffer)].map((value) => Math.round(value * 10))),
    ).toEqual([
      [6, 8],
      [0, 10],
    ]);
    expect(events.at(-1)).toMatchObject({ type: 'finish', usage: { tokensIn: 4, tokensOut: 0 } });
  });
  test.each([
    [[{ index: 0, embedding: [1] }]],
    ['none'],
    [
      [
        { index: 0, embedding: [] },
        { index: 1, embedding: [1] },
      ],
    ],
  ])('fail unless there is one per text: %o', async (data) =>
    expect((await answerOf(data)).code).toBe('engine-failed'),
  );
});

describe('requests', () => {
  test('send the parameters and ask for usage', async () => {
    const { posted } = await answered([finish('stop')], { flavour: 'openai' });
    expect(posted).toEqual({
      model: 'm',
      stream: true,
      stream_options: { include_usage: true },
      max_tokens: 16,
      temperature: 0,
      seed: 3,
      stop: ['END'],
      messages: [{ role: 'user', content: 'Hello' }],
    });
  });

  test('of vLLM get the stop sequence too, so that no token is cut in two, and keep it from the reader', async () => {
    const lines = [chunk('one'), chunk(' END'), finish('stop'), 'data: [DONE]'];
    const { posted, events } = await answered(lines);
    expect(posted).toMatchObject({ stop: ['END'], include_stop_str_in_output: true });
    const text = events.map((event) => (event.type === 'text-delta' ? event.text : '')).join('');
    expect(text).toBe('one ');
  });

  const resumed = { ...request, resume: { text: 'Once', tokens: 6 } } as EngineRequest;

  test('continue an answer by prefill, with the remaining tokens', async () => {
    const prefilled = {
      max_tokens: 10,
      messages: [
        { role: 'user', content: 'Hello' },
        { role: 'assistant', content: 'Once' },
      ],
    };
    const vllm = await answered([finish('stop')], { request: resumed });
    expect(vllm.posted).toMatchObject({ ...prefilled, continue_final_message: true, add_generation_prompt: false });
    const llama = await answered([finish('stop')], { request: resumed, flavour: 'llama-server' });
    expect(llama.posted).toMatchObject(prefilled);
    expect(llama.posted).not.toHaveProperty('continue_final_message');
  });

  test('refuse to continue if the server would start over', async () => {
    const { code, posted } = await answered([finish('stop')], { request: resumed, flavour: 'openai' });
    expect({ code, posted }).toEqual({ code: 'resume-unsupported', posted: undefined });
    const params = { maxTokens: 16, responseFormat: { type: 'json-object' } } as const;
    const bound = await answered([finish('stop')], { request: { ...resumed, params } as EngineRequest });
    expect(bound).toMatchObject({ code: 'resume-unsupported', posted: undefined });
  });
});

describe('the server’s address', () => {
  test.each([
    'http://127.0.0.1:11434/v1',
    'https://gpu.example/v1/',
    'http://192.168.1.9:8000',
    'http://[::1]:8080/v1',
  ])('may be %s', (text) => expect(serverUrl(text).pathname.endsWith('/')).toBe(true));

  test.each([
    'nothing',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'http://user:pass@host/v1',
    'http://host/v1?x=1',
    'http://169.254.169.254/latest',
    'http://0xa9fea9fe/latest',
    'http://2852039166/',
    'http://[::ffff:169.254.169.254]/',
    'http://0.0.0.0/',
    'http://[::]/',
    'http://[fe80::1]/',
  ])('may not be %s', (text) => {
    expect(() => serverUrl(text)).toThrowError(expect.objectContaining({ code: 'bad-server-url' }));
  });
});

test.each([
  [401, 'engine-failed', 'rejected the key'],
  [503, 'busy', 'busy'],
  [404, 'load-failed', 'correct its address'],
])('a load that gets status %i fails with %s', async (status, code, words) => {
  const engine = createOpenAICompatibleEngine({
    baseUrl: 'http://127.0.0.1:9/v1',
    flavour: 'openai',
    clock: manualClock(),
    fetch: async () => new Response('no', { status }),
  });
  const refused = await engine.load(remoteModel({ remoteName: 'm', contextTokens: 512 }), {}).catch((error) => error);
  expect(refused).toMatchObject({ code, message: expect.stringContaining(words) });
});

test('a refusal comes after a warning, once, and its words are text', async () => {
  const refusing = (refusal: string) =>
    `data: ${JSON.stringify({ choices: [{ index: 0, delta: { refusal }, finish_reason: null }] })}`;
  const end = `data: ${JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })}`;
  const { code, events } = await answered([refusing('I '), refusing('cannot.'), end, 'data: [DONE]']);
  expect(code).toBe('ok');
  expect(events[0]).toMatchObject({ type: 'warning', code: 'refusal' });
  expect(events.filter((event) => event.type === 'warning' && event.code === 'refusal')).toHaveLength(1);
  expect(events.map((event) => (event.type === 'text-delta' ? event.text : '')).join('')).toBe('I cannot.');
});

describe('C2, C6: time and counts', () => {
  const chat: EngineRequest = { ...request, params: { maxTokens: 16, temperature: 0 } };

  /** A server whose answer is written by the test, and a reader of it. */
  async function open() {
    const clock = manualClock();
    const writer = Promise.withResolvers<ReadableStreamDefaultController<Uint8Array>>();
    const engine = createOpenAICompatibleEngine({
      baseUrl: 'http://127.0.0.1:9/v1',
      flavour: 'openai',
      clock,
      fetch: async (url, init) => {
        if (String(url).endsWith('/models')) return Response.json({ data: [{ id: 'm' }] });
        return new Response(
          new ReadableStream<Uint8Array>({
            start(controller) {
              writer.resolve(controller);
              init?.signal?.addEventListener('abort', () => controller.error(init.signal!.reason));
            },
          }),
        );
      },
    });
    const loaded = await engine.load(remoteModel({ remoteName: 'm', contextTokens: 100 }), {});
    const events = loaded.doStream(chat, {})[Symbol.asyncIterator]();
    const first = events.next();
    const controller = await writer.promise;
    const write = (line: string) => controller.enqueue(new TextEncoder().encode(`${line}\n\n`));
    return { clock, events, first, write, controller };
  }

  test('loading may take long, a pause in the answer may not', async () => {
    const { clock, events, first, write } = await open();
    await clock.advance(119_000);
    write(chunk('a'));
    expect(await first).toMatchObject({ value: { text: 'a' } });
    const next = events.next();
    await clock.advance(29_000);
    write(chunk('b'));
    expect(await next).toMatchObject({ value: { text: 'b' } });
    const stalled = events.next().catch((error: unknown) => errorCode(error));
    await clock.advance(31_000);
    expect(await stalled).toBe('engine-failed');
  });

  test('a pause that the reader takes is none of the server', async () => {
    const { clock, events, first, write, controller } = await open();
    write(chunk('a'));
    await first;
    await clock.advance(120_000);
    write('data: [DONE]');
    controller.close();
    expect(await events.next()).toMatchObject({ value: { type: 'warning', code: 'usage-estimated' } });
    expect(await events.next()).toMatchObject({ value: { type: 'finish', reason: 'stop' } });
  });

  test('missing usage is estimated and marked, also of a whole answer', async () => {
    const text = 'word '.repeat(40);
    const whole = { choices: [{ message: { content: text }, finish_reason: 'stop' }] };
    const { events } = await answered(Response.json(whole), { request: chat });
    expect(events.map((event) => (event.type === 'warning' ? event.code : event.type))).toEqual([
      'text-delta',
      'usage-estimated',
      'finish',
    ]);
    const finish = events.at(-1)!;
    expect(finish.type === 'finish' && finish.usage.tokensOut).toBeGreaterThan(20);
    expect(finish.type === 'finish' && finish.usage.tokensIn).toBeGreaterThan(0);
    const usage = { prompt_tokens: 3, completion_tokens: 50 };
    const counted = await answered(Response.json({ ...whole, usage }), { request: chat });
    expect(counted.events.map(({ type }) => type)).toEqual(['text-delta', 'finish']);
  });
});

test.each([404, 405, 501])(
  'a server without a route for raw prompts (%i) lacks the feature, and not the model',
  async (status) => {
    const raw: EngineRequest = { kind: 'completion', input: { prompt: 'Once' }, params: { maxTokens: 4 } };
    const refused = () => new Response('{"error":{"message":"no such route"}}', { status });
    expect((await answered(refused(), { request: raw })).error).toMatchObject({
      code: 'feature-unavailable',
      details: { status },
    });
    expect((await answered(refused())).code).not.toBe('feature-unavailable');
  },
);

test('what FastAPI says is wrong with a request is told, with its place', async () => {
  const detail = [{ type: 'missing', loc: ['body', 'tools', 0, 'name'], msg: 'Field required' }];
  const { error } = await answered(Response.json({ detail }, { status: 422 }));
  expect(error).toMatchObject({
    code: 'bad-request',
    message: 'The model server rejected the request: tools.0.name: Field required',
  });
  const unsaid = await answered(Response.json({ detail: [null] }, { status: 422 }));
  expect(unsaid.error).toMatchObject({ message: 'The model server rejected the request.' });
});
