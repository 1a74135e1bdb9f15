import { describe, expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import type { OfferedModel } from '#lib/protocol/offer.ts';
import { chatCompletionChunkSchema, chatCompletionSchema, openAIErrorBodySchema } from '#lib/protocol/openai.ts';
import type { Part } from '#lib/protocol/part.ts';
import {
  accepted,
  announce,
  answers,
  answersWith,
  ask,
  failed,
  gatewayFixture,
  readFrames,
  type Script,
} from './gateway.fixture.ts';

const clock = manualClock();
const able: Partial<OfferedModel> = { features: ['tools', 'json-schema', 'logprobs', 'logit-bias', 'vision'] };
const fixture = (script?: Script, offered: Partial<OfferedModel> = able) => {
  const made = gatewayFixture(script, { clock });
  announce(made.directory, clock, [offered]);
  return made;
};
const errorOf = async (response: Response) => ({
  status: response.status,
  ...openAIErrorBodySchema.parse(await response.json()).error,
});

const weather = { name: 'get_weather', description: 'Weather', parameters: { type: 'object', properties: {} } };
const tools = [{ type: 'function', function: weather }];
const callOf = (name: string) => ({
  role: 'assistant',
  tool_calls: [{ id: 'c', type: 'function', function: { name, arguments: '' } }],
});
const call = { id: 'call_1', type: 'function', function: { name: 'get_weather', arguments: '{"city":"Bern"}' } };

describe('B2, B3: what agents send reaches the worker', () => {
  test('tools, choices, calls and their results', async () => {
    const { chat, asked } = fixture(answersWith([callPart({ id: 'c', name: 'get_weather', arguments: '{}' })]));
    const messages = [
      { role: 'user', content: 'Bern?' },
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'tool', content: 'rain', tool_call_id: 'call_1' },
    ];
    const choice = { type: 'function', function: { name: 'get_weather' } };
    await chat(ask({ messages, tools, tool_choice: choice, parallel_tool_calls: false, reasoning_effort: 'low' }));
    expect(asked[0]).toMatchObject({
      input: {
        messages: [
          { role: 'user', content: 'Bern?' },
          {
            role: 'assistant',
            content: '',
            toolCalls: [{ id: 'call_1', name: 'get_weather', arguments: '{"city":"Bern"}' }],
          },
          { role: 'tool', content: 'rain', toolCallId: 'call_1' },
        ],
        tools: [{ name: 'get_weather', description: 'Weather', parameters: JSON.stringify(weather.parameters) }],
      },
      params: { toolChoice: { type: 'named', name: 'get_weather' }, parallelToolCalls: false, reasoningEffort: 'low' },
    });
  });

  test('the form of the answer, log-probabilities, biases and the samplers of other servers', async () => {
    const { chat, asked } = fixture(answers('{}'));
    const schema = { type: 'object' };
    await chat(
      ask({
        response_format: { type: 'json_schema', json_schema: { name: 'x', strict: true, schema } },
        logprobs: true,
        top_logprobs: 3,
        logit_bias: { '50256': -100 },
        top_k: 40,
        min_p: 0.1,
        repetition_penalty: 1.1,
      }),
    );
    expect(asked[0]!.params).toMatchObject({
      responseFormat: { type: 'json-schema', name: 'x', schema: JSON.stringify(schema) },
      logprobs: 3,
      logitBias: [[50_256, -100]],
      topK: 40,
      minP: 0.1,
      repetitionPenalty: 1.1,
    });
  });

  test('pictures travel as files named by their hash', async () => {
    const { chat, asked } = fixture();
    const url = `data:image/png;base64,${Buffer.from('picture').toString('base64')}`;
    const content = [
      { type: 'text', text: 'What is it?' },
      { type: 'image_url', image_url: { url } },
    ];
    expect((await chat(ask({ messages: [{ role: 'user', content }] }))).status).toBe(200);
    const { input, blobs } = asked[0] as never as { input: { messages: unknown[] }; blobs: Map<string, Uint8Array> };
    const [sha256, bytes] = [...blobs][0]!;
    expect(Buffer.from(bytes).toString()).toBe('picture');
    expect(input.messages[0]).toMatchObject({
      content: [{ type: 'text' }, { type: 'blob', mime: 'image/png', sha256, sizeBytes: 7 }],
    });
  });
});

const callPart = (more: Partial<Extract<Part, { type: 'tool-call-delta' }>>): Part => ({
  type: 'tool-call-delta',
  index: 0,
  arguments: '',
  tokens: 1,
  ...more,
});

const spoken: readonly Part[] = [
  { type: 'reasoning-delta', text: 'Hm.', tokens: 1 },
  { type: 'text-delta', text: 'One moment.', tokens: 2 },
  {
    type: 'logprobs',
    items: [{ token: 'One', logprob: -0.5, top: [{ token: 'A', logprob: -1, bytes: Uint8Array.of(65) }] }],
  },
  callPart({ id: 'c0', name: 'get_weather', arguments: '{"city":' }),
  callPart({ arguments: '"Bern"}' }),
  callPart({ index: 1, id: 'c1', name: 'get_weather', arguments: '{}' }),
];

describe('B3: what the worker says reaches the caller', () => {
  test('calls, thoughts and log-probabilities of a whole answer', async () => {
    const { chat } = fixture(answersWith(spoken, 'tool-calls'));
    const { choices } = chatCompletionSchema.parse(await (await chat(ask({ tools }))).json());
    expect(choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: {
        content: 'One moment.',
        reasoning_content: 'Hm.',
        tool_calls: [
          { id: 'c0', type: 'function', function: { name: 'get_weather', arguments: '{"city":"Bern"}' } },
          { id: 'c1', type: 'function', function: { name: 'get_weather', arguments: '{}' } },
        ],
      },
      logprobs: {
        content: [
          {
            token: 'One',
            logprob: -0.5,
            bytes: [79, 110, 101],
            top_logprobs: [{ token: 'A', logprob: -1, bytes: [65] }],
          },
        ],
      },
    });
  });

  test('the same in pieces', async () => {
    const { chat } = fixture(answersWith(spoken, 'tool-calls'));
    const frames = await readFrames(await chat(ask({ tools, stream: true })));
    const chunks = frames.slice(0, -1).map((frame) => chatCompletionChunkSchema.parse(frame));
    expect(chunks.map(({ choices }) => choices[0]?.delta)).toEqual([
      { role: 'assistant', content: '' },
      { reasoning_content: 'Hm.' },
      { content: 'One moment.' },
      { content: '' },
      {
        tool_calls: [
          { index: 0, id: 'c0', type: 'function', function: { name: 'get_weather', arguments: '{"city":' } },
        ],
      },
      { tool_calls: [{ index: 0, function: { arguments: '"Bern"}' } }] },
      { tool_calls: [{ index: 1, id: 'c1', type: 'function', function: { name: 'get_weather', arguments: '{}' } }] },
      {},
    ]);
    expect(chunks[3]!.choices[0]!.logprobs?.content?.[0]).toMatchObject({ token: 'One', logprob: -0.5 });
    expect(chunks.at(-1)!.choices[0]!.finish_reason).toBe('tool_calls');
  });

  test.each([
    ['content-filter', [], 'content_filter'],
    ['length', [], 'length'],
    ['stop', [callPart({ id: 'c', name: 'get_weather' })], 'tool_calls'],
    ['a-word-of-tomorrow', [], 'stop'],
  ] as const)('an end with %s', async (reason, parts, said) => {
    const { chat } = fixture(answersWith(parts, reason));
    expect((await (await chat(ask({ tools }))).json()).choices[0].finish_reason).toBe(said);
  });
});

test('a schema beside json_object is a schema, as llama.cpp and Together take it', async () => {
  const { chat, asked } = fixture(answers('{"a":1}'));
  const schema = { type: 'object', properties: { a: { type: 'integer' } } };
  await chat(ask({ response_format: { type: 'json_object', schema } }));
  expect(asked[0]!.params).toMatchObject({
    responseFormat: { type: 'json-schema', schema: JSON.stringify(schema) },
  });
});

describe('B3: a refusal is none of the answer', () => {
  const refusing: readonly Part[] = [
    { type: 'warning', code: 'refusal', message: 'The model refuses.' },
    { type: 'text-delta', text: 'I cannot.', tokens: 2 },
  ];
  // A refusal is no broken promise, whatever form was demanded.
  const demanding = { response_format: { type: 'json_object' } };

  test('of a chat', async () => {
    const { chat } = fixture(answersWith(refusing));
    const { choices } = await (await chat(ask(demanding))).json();
    expect(choices[0]).toMatchObject({
      finish_reason: 'stop',
      message: { role: 'assistant', content: null, refusal: 'I cannot.' },
    });
    const frames = await readFrames(await chat(ask({ ...demanding, stream: true })));
    const chunks = frames.slice(0, -1).map((frame) => chatCompletionChunkSchema.parse(frame));
    expect(chunks.map(({ choices: [choice] }) => choice!.delta)).toEqual([
      { role: 'assistant', content: '' },
      { refusal: 'I cannot.' },
      {},
    ]);
  });

  test('of a response', async () => {
    const { post } = fixture(answersWith(refusing));
    const asked = { model: 'tabloom-demo', input: 'x', text: { format: { type: 'json_object' } } };
    const { output } = await (await post('/v1/responses', asked)).json();
    expect(output).toMatchObject([{ type: 'message', content: [{ type: 'refusal', refusal: 'I cannot.' }] }]);
    const text = await (await post('/v1/responses', { ...asked, stream: true })).text();
    expect(text.match(/^event: .*(refusal|text).*$/gm)).toEqual([
      'event: response.refusal.delta',
      'event: response.refusal.done',
    ]);
  });
});

test('warnings are in a header too', async () => {
  const { chat } = fixture(
    answersWith([
      { type: 'warning', code: 'seed-ignored', message: 'No seed here.' },
      { type: 'text-delta', text: 'x', tokens: 1 },
    ]),
  );
  const headers = async (more: object) => (await chat(ask(more))).headers.get('x-tabloom-warnings');
  expect(await headers({ verbosity: 'low' })).toBe('parameter-ignored; param="verbosity", seed-ignored');
  expect(await headers({ 'a"b\r\nü': 1 })).toBe('parameter-ignored; param="a?b???", seed-ignored');
  expect(await headers({ verbosity: 'low', stream: true })).toBe('parameter-ignored; param="verbosity", seed-ignored');
});

describe('B2: a requirement is met or refused before work', () => {
  const format = { type: 'json_schema', json_schema: { name: 'x', schema: {} } };
  const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,QUJD' } };
  test.each([
    ['tools', { tools }, 'tools'],
    ['json-schema', { response_format: { type: 'json_object' } }, 'response_format'],
    ['json-schema', { response_format: format }, 'response_format'],
    ['logprobs', { logprobs: true }, 'logprobs'],
    ['logit-bias', { logit_bias: { '1': 1 } }, 'logit_bias'],
    ['vision', { messages: [{ role: 'user', content: [image] }] }, 'messages'],
  ])('%s that no worker offers: %o', async (feature, more, param) => {
    const { chat, asked } = fixture(undefined, { features: ['seed'] });
    const error = await errorOf(await chat(ask(more)));
    expect(error).toMatchObject({ status: 400, code: 'feature_unavailable', param });
    expect(error.message).toContain(`"${feature}"`);
    expect(asked).toEqual([]);
  });

  test('two that no single worker offers together', async () => {
    const { chat, directory } = fixture(undefined, { features: ['tools'] });
    announce(directory, clock, [{ features: ['logprobs'] }], 8);
    expect(await errorOf(await chat(ask({ tools, logprobs: true })))).toMatchObject({
      code: 'feature_unavailable',
      message: expect.stringContaining('"tools" and "logprobs"'),
    });
  });

  test.each([
    ['a built-in tool', { tools: [{ type: 'web_search' }] }, 'tools.0.type'],
    ['a choice without tools', { tool_choice: 'required' }, 'tool_choice'],
    ['a choice of no tool', { tools, tool_choice: { type: 'function', function: { name: 'x' } } }, 'tool_choice'],
    ['alternatives without probabilities', { top_logprobs: 2 }, 'top_logprobs'],
    ['a search, even without settings', { web_search_options: {} }, 'web_search_options'],
    ['speech', { modalities: ['text', 'audio'], audio: { voice: 'x' } }, 'audio'],
    ['speech by its modality', { modalities: ['audio'] }, 'modalities'],
    ['two answers', { n: 2 }, 'n'],
    ['functions of the older form', { functions: [weather] }, 'functions'],
    ["a grammar of vLLM's", { guided_json: { type: 'object' } }, 'guided_json'],
    ['a result of no call', { messages: [{ role: 'tool', content: 'x' }] }, 'messages.0.tool_call_id'],
    ['a name with a blank', { tools: [{ type: 'function', function: { name: 'a b' } }] }, 'tools.0.function.name'],
    ['a call of such a name', { messages: [callOf('a b')] }, 'messages.0.tool_calls.0.function.name'],
    ['a message that is none', { messages: [[]] }, 'messages.0'],
  ])('%s is 400 with the member', async (_name, more, param) => {
    const { chat, asked } = fixture();
    expect(await errorOf(await chat(ask(more)))).toMatchObject({ status: 400, code: 'bad_request', param });
    expect(asked).toEqual([]);
  });

  test('what a message must be is said in words of the API', async () => {
    const { chat } = fixture();
    expect((await errorOf(await chat(ask({ messages: [[]] })))).message).toBe('"messages.0" must be an object.');
    expect((await errorOf(await chat(null as never))).message).toBe('"body" must be an object.');
  });

  test('a wish that is not met without harm is named in a header too', async () => {
    const { chat } = fixture();
    const warned = async (more: object) => (await chat(ask(more))).headers.get('x-tabloom-warnings');
    expect(await warned({ store: true })).toBe('parameter-ignored; param="store"');
    expect(await warned({ service_tier: 'flex' })).toBe('parameter-ignored; param="service_tier"');
    expect(await warned({ store: false, service_tier: 'auto', metadata: { a: 'b' } })).toBeNull();
    expect(await warned({ enable_thinking: false })).toBe('parameter-ignored; param="enable_thinking"');
    expect(await warned({ enable_thinking: true, skip_special_tokens: true, ignore_eos: false })).toBeNull();
  });

  test.each([
    ['no call', { tools, tool_choice: 'required' }, answers('It rains.')],
    ['prose', { response_format: { type: 'json_object' } }, answers('It rains.')],
  ])('%s where something else was demanded is an error, whole and streamed', async (_name, more, script) => {
    const { chat } = fixture(script);
    expect(await errorOf(await chat(ask(more)))).toMatchObject({ status: 502, code: 'peer_failed' });
    const frames = await readFrames(await chat(ask({ ...more, stream: true })));
    expect(frames.at(-1)).toMatchObject({ error: { code: 'peer_failed' } });
  });

  test('but what was cut at its limit is no broken promise', async () => {
    const text: Part = { type: 'text-delta', text: '{"a":', tokens: 3 };
    const { chat } = fixture(answersWith([text], 'length'));
    expect((await chat(ask({ response_format: { type: 'json_object' } }))).status).toBe(200);
  });
});

describe('A6: a tier that cannot be verified is refused before anything is sent', () => {
  const doors: readonly [string, object, Record<string, string>][] = [
    ['tabloom.tier', { tabloom: { tier: 'confidential' } }, {}],
    ['tabloom.tier', { tabloom: { tier: 'secret' }, peer_tier: 'open' }, {}],
    ['peer_tier', { peer_tier: 'verified' }, {}],
    ['x-tabloom-tier', {}, { 'x-tabloom-tier': 'verified' }],
    ['x-peer-tier', { tabloom: { tier: 'open' } }, { 'x-peer-tier': 'confidential' }],
  ];
  test.each(doors)('at %s', async (param, more, headers) => {
    const { chat, post, asked } = fixture();
    const error = await errorOf(await chat(ask(more), headers));
    expect(error).toMatchObject({ status: 400, code: 'tier_unavailable', param });
    for (const path of ['/v1/completions', '/v1/embeddings']) {
      if (Object.keys(headers).length > 0) continue;
      const refused = await post(path, { model: 'tabloom-demo', prompt: 'x', input: 'x', ...more });
      expect(await errorOf(refused)).toMatchObject({ code: 'tier_unavailable' });
    }
    expect(asked).toEqual([]);
  });
});

describe('B4: a conversation past the context', () => {
  const exceeded = { status: 400, code: 'context_length_exceeded', type: 'invalid_request_error' };
  test.each([
    [
      'that a worker would answer without its beginning',
      async function* (request, _signal, time) {
        yield* accepted(request, time);
        const part = { type: 'warning', code: 'history-trimmed', message: 'left out' } as const;
        yield { type: 'part-received', at: 0, part };
        yield { type: 'part-received', at: 0, part: { type: 'text-delta', text: 'x', tokens: 1 } };
      },
    ],
    [
      'that a worker refuses',
      async function* () {
        yield failed('too-long');
      },
    ],
  ] satisfies readonly (readonly [string, Script])[])('%s is 400 in OpenAI’s words', async (_name, script) => {
    const { chat, jobs } = fixture(script);
    for (const stream of [false, true]) {
      const error = await errorOf(await chat(ask({ stream })));
      expect(error).toMatchObject({ ...exceeded, param: 'messages' });
      expect(error.message).toContain('maximum context length is 512 tokens');
    }
    await jobs.idle({});
  });

  test('and past what the wire carries, before anything is asked', async () => {
    const { chat, asked } = fixture();
    const long = Array.from({ length: 3 }, () => ({ role: 'user', content: 'x'.repeat(100_000) }));
    const many = Array.from({ length: 513 }, () => ({ role: 'user', content: 'x' }));
    for (const messages of [long, many]) {
      const error = await errorOf(await chat(ask({ messages })));
      expect(error).toMatchObject({ ...exceeded, message: expect.stringContaining('maximum context length') });
    }
    expect(asked).toEqual([]);
  });
});

test('B4: a message that no frame holds is too long, in the words that clients shorten by', async () => {
  const { chat, asked } = fixture();
  const response = await chat(ask({ messages: [{ role: 'user', content: 'é'.repeat(100_000) }] }));
  expect(await errorOf(response)).toMatchObject({
    status: 400,
    code: 'context_length_exceeded',
    param: 'messages',
    message: expect.stringMatching(/maximum context length.*A message has at most 196608 bytes/),
  });
  expect(asked).toEqual([]);
});
