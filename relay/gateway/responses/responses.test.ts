import { describe, expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import type { ChatInput } from '#lib/protocol/kinds/chat.ts';
import type { Part } from '#lib/protocol/part.ts';
import { accepted, announce, answers, answersWith, failed, gatewayFixture, type Script } from '../gateway.fixture.ts';

const clock = manualClock();
const features = ['tools', 'json-schema', 'logprobs', 'vision', 'reasoning'];
const fixture = (script?: Script, served: readonly string[] = features) => {
  const made = gatewayFixture(script, { clock });
  announce(made.directory, clock, [{ features: [...served] }]);
  const respond = (more: object) =>
    made.post('/v1/responses', { model: 'tabloom-demo', input: 'What is the weather?', ...more });
  return { ...made, respond };
};

const weather = {
  type: 'function',
  name: 'get_weather',
  description: 'The weather.',
  parameters: { type: 'object', properties: { city: { type: 'string' } } },
  strict: true,
};

const call = (more: Partial<Extract<Part, { type: 'tool-call-delta' }>>): Part => ({
  type: 'tool-call-delta',
  index: 0,
  arguments: '',
  tokens: 1,
  ...more,
});

const spoken: readonly Part[] = [
  { type: 'reasoning-delta', text: 'Hm.', tokens: 2 },
  { type: 'text-delta', text: 'One ', tokens: 1 },
  { type: 'text-delta', text: 'moment.', tokens: 1 },
  call({ id: 'c0', name: 'get_weather', arguments: '{"city":' }),
  call({ index: 1, id: 'c1', name: 'get_weather', arguments: '{}' }),
  call({ arguments: '"Bern"}' }),
];

interface Event {
  readonly type: string;
  readonly sequence_number: number;
  readonly output_index?: number;
  readonly item?: Item;
  readonly response: { readonly output: readonly Item[] };
}

interface Item {
  readonly id: string;
  readonly type: string;
  readonly status: string;
  readonly content?: unknown;
  readonly arguments?: string;
  readonly summary?: unknown;
}

/** The events of a stream, each under its own name, and the mark of the end. */
async function readEvents(response: Response): Promise<readonly (Event | '[DONE]')[]> {
  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  return (await response.text())
    .split('\n\n')
    .filter((frame) => frame !== '')
    .map((frame) => {
      if (frame === 'data: [DONE]') return '[DONE]';
      const [, name, data] = /^event: (\S+)\ndata: (.*)$/.exec(frame)!;
      const event = JSON.parse(data!) as Event;
      expect(event.type).toBe(name);
      return event;
    });
}

async function streamed(response: Response): Promise<readonly Event[]> {
  const events = await readEvents(response);
  expect(events.at(-1)).toBe('[DONE]');
  return events.filter((event) => event !== '[DONE]');
}

describe('POST /v1/responses, whole', () => {
  test('text', async () => {
    const { respond, asked } = fixture(answers('It ', 'rains.'));
    const metadata = { run: '7' };
    const body = await (await respond({ instructions: 'Be brief.', max_output_tokens: 50, metadata })).json();
    expect(asked[0]).toMatchObject({
      kind: 'chat',
      input: {
        messages: [
          { role: 'system', content: 'Be brief.' },
          { role: 'user', content: 'What is the weather?' },
        ],
      },
      params: { maxTokens: 50 },
    });
    const id = asked[0]!.id!;
    expect(body).toMatchObject({
      id: `resp_${id}`,
      object: 'response',
      status: 'completed',
      error: null,
      incomplete_details: null,
      instructions: 'Be brief.',
      max_output_tokens: 50,
      model: 'tabloom-demo',
      output: [
        {
          type: 'message',
          id: `msg_${id}_0`,
          role: 'assistant',
          status: 'completed',
          content: [{ type: 'output_text', text: 'It rains.', annotations: [], logprobs: [] }],
        },
      ],
      store: false,
      previous_response_id: null,
      truncation: 'disabled',
      metadata,
      usage: { input_tokens: 5, output_tokens: 2, total_tokens: 7, output_tokens_details: { reasoning_tokens: 0 } },
      tabloom: { job: id, receipt: { envelope: expect.any(String) }, warnings: [] },
    });
  });

  test('reasoning, text and parallel calls are items', async () => {
    const { respond } = fixture(answersWith(spoken, 'tool-calls'));
    const body = await (await respond({ tools: [weather], reasoning: { effort: 'low' } })).json();
    expect(body.output).toMatchObject([
      { type: 'reasoning', summary: [], content: [{ type: 'reasoning_text', text: 'Hm.' }] },
      { type: 'message', content: [{ text: 'One moment.' }] },
      { type: 'function_call', call_id: 'c0', name: 'get_weather', arguments: '{"city":"Bern"}', status: 'completed' },
      { type: 'function_call', call_id: 'c1', arguments: '{}' },
    ]);
    expect(new Set(body.output.map((item: { id: string }) => item.id)).size).toBe(4);
    expect(body).toMatchObject({ tools: [weather], tool_choice: 'auto', reasoning: { effort: 'low', summary: null } });
  });

  test.each([
    ['length', 'max_output_tokens'],
    ['content-filter', 'content_filter'],
  ] as const)('an end with %s is incomplete', async (reason, said) => {
    const { respond } = fixture(answersWith([{ type: 'text-delta', text: 'It', tokens: 1 }], reason));
    const body = await (await respond({})).json();
    expect(body).toMatchObject({ status: 'incomplete', incomplete_details: { reason: said }, completed_at: null });
  });

  test('log-probabilities, where they are asked for', async () => {
    const logprobs: Part = { type: 'logprobs', items: [{ token: 'It', logprob: -1, top: [] }] };
    const { respond, asked } = fixture(answersWith([{ type: 'text-delta', text: 'It', tokens: 1 }, logprobs]));
    const body = await (await respond({ top_logprobs: 2, include: ['message.output_text.logprobs'] })).json();
    expect(asked[0]!.params).toMatchObject({ logprobs: 2 });
    expect(body.output[0].content[0].logprobs).toMatchObject([{ token: 'It', logprob: -1, bytes: [73, 116] }]);
  });
});

describe('POST /v1/responses, streamed', () => {
  test('every step of every item has its event, in order, and the last holds the whole', async () => {
    const { respond } = fixture(answersWith(spoken, 'tool-calls'));
    const events = await streamed(await respond({ tools: [weather], stream: true }));
    expect(events.map(({ sequence_number: number }) => number)).toEqual(events.map((_, index) => index));
    expect(events.map(({ type, output_index: at }) => (at === undefined ? type : `${at} ${type}`))).toEqual([
      'response.created',
      'response.in_progress',
      '0 response.output_item.added',
      '0 response.content_part.added',
      '0 response.reasoning_text.delta',
      '0 response.reasoning_text.done',
      '0 response.content_part.done',
      '0 response.output_item.done',
      '1 response.output_item.added',
      '1 response.content_part.added',
      '1 response.output_text.delta',
      '1 response.output_text.delta',
      '1 response.output_text.done',
      '1 response.content_part.done',
      '1 response.output_item.done',
      '2 response.output_item.added',
      '2 response.function_call_arguments.delta',
      '3 response.output_item.added',
      '3 response.function_call_arguments.delta',
      '2 response.function_call_arguments.delta',
      '2 response.function_call_arguments.done',
      '2 response.output_item.done',
      '3 response.function_call_arguments.done',
      '3 response.output_item.done',
      'response.completed',
    ]);
    const { response } = events.at(-1)!;
    expect(response.output).toEqual(
      events
        .filter(({ type }) => type === 'response.output_item.done')
        .map(({ item }) => item!)
        .toSorted((a, b) => Number(a.id.split('_').at(-1)) - Number(b.id.split('_').at(-1))),
    );
    expect(response).toMatchObject({ status: 'completed', tabloom: { receipt: { envelope: expect.any(String) } } });
    const whole = await (await fixture(answersWith(spoken, 'tool-calls')).respond({ tools: [weather] })).json();
    const shape = (items: readonly Item[]) =>
      items.map(({ type, content, arguments: json }) => ({ type, content, json }));
    expect(shape(response.output)).toEqual(shape(whole.output));
  });

  test('reasoning is its own summary where one is asked for', async () => {
    const { respond } = fixture(answersWith(spoken, 'tool-calls'));
    const reasoning = { effort: 'low', summary: 'auto' };
    const events = await streamed(await respond({ tools: [weather], stream: true, reasoning }));
    const summed = events.filter(({ type }) => type.startsWith('response.reasoning_summary'));
    expect(summed.map(({ type }) => type.slice('response.reasoning_summary_'.length))).toEqual([
      'part.added',
      'text.delta',
      'text.done',
      'part.done',
    ]);
    expect(events.at(-1)!.response.output[0]!.summary).toEqual([{ type: 'summary_text', text: 'Hm.' }]);
  });

  test('text after a call, and reasoning after text, are items of their own', async () => {
    const parts: readonly Part[] = [
      { type: 'text-delta', text: 'A', tokens: 1 },
      call({ id: 'c0', name: 'get_weather', arguments: '{}' }),
      { type: 'text-delta', text: 'B', tokens: 1 },
      { type: 'reasoning-delta', text: 'C', tokens: 1 },
    ];
    const { respond } = fixture(answersWith(parts));
    const events = await streamed(await respond({ tools: [weather], stream: true }));
    const { output } = events.at(-1)!.response;
    expect(output.map(({ type }) => type)).toEqual(['message', 'function_call', 'message', 'reasoning']);
    expect(output.every(({ status }) => status === 'completed')).toBe(true);
  });

  test('an empty answer still has its message', async () => {
    const { respond } = fixture(answersWith([]));
    const events = await streamed(await respond({ stream: true }));
    expect(events.at(-1)!.response.output).toMatchObject([{ type: 'message', content: [{ text: '' }] }]);
  });

  test('one that breaks off ends with an error and a failed response, and no mark of the end', async () => {
    const { respond } = fixture(async function* (request, _signal, time) {
      yield* accepted(request, time);
      yield { type: 'part-received', at: 0, part: { type: 'text-delta', text: 'It', tokens: 1 } };
      yield failed('peer-lost');
    });
    const events = (await readEvents(await respond({ stream: true }))) as readonly Event[];
    expect(events.slice(-2)).toMatchObject([
      { type: 'error', code: 'peer_lost', message: expect.any(String) },
      {
        type: 'response.failed',
        response: {
          status: 'failed',
          error: { code: 'peer_lost' },
          output: [{ status: 'incomplete', content: [{ text: 'It' }] }],
        },
      },
    ]);
  });
});

describe('the items of a request', () => {
  test('become messages: a turn’s calls in one, with the text before them', async () => {
    const { respond, asked } = fixture();
    const image = 'data:image/png;base64,QUJD';
    await respond({
      tools: [weather],
      input: [
        { role: 'developer', content: 'Be brief.' },
        {
          role: 'user',
          content: [
            { type: 'input_text', text: 'And here?' },
            { type: 'input_image', image_url: image },
          ],
        },
        { type: 'reasoning', id: 'rs_1', summary: [], content: [{ type: 'reasoning_text', text: 'Hm.' }] },
        { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Looking.', annotations: [] }] },
        { type: 'function_call', id: 'fc_1', call_id: 'c0', name: 'get_weather', arguments: '{"city":"Bern"}' },
        { type: 'function_call', call_id: 'c1', name: 'get_weather', arguments: '{}' },
        { type: 'function_call_output', call_id: 'c0', output: 'Rain.' },
        { type: 'function_call_output', call_id: 'c1', output: [{ type: 'input_text', text: 'Sun.' }] },
      ],
    });
    expect((asked[0]!.input as ChatInput).messages).toMatchObject([
      { role: 'system', content: 'Be brief.' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'And here?' },
          { type: 'blob', mime: 'image/png' },
        ],
      },
      {
        role: 'assistant',
        content: 'Looking.',
        toolCalls: [
          { id: 'c0', name: 'get_weather', arguments: '{"city":"Bern"}' },
          { id: 'c1', name: 'get_weather', arguments: '{}' },
        ],
      },
      { role: 'tool', toolCallId: 'c0', content: 'Rain.' },
      { role: 'tool', toolCallId: 'c1', content: 'Sun.' },
    ]);
    expect((asked[0]!.blobs as Map<string, Uint8Array>).size).toBe(1);
  });

  test('more than one job holds loses its oldest messages where that is asked for, and no result its call', async () => {
    const { respond, asked } = fixture();
    const long = 'x'.repeat(100_000);
    const input = [
      { role: 'user', content: long },
      { type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' },
      { type: 'function_call_output', call_id: 'c', output: long },
      { role: 'user', content: long },
      { role: 'user', content: 'And now?' },
    ];
    const request = { input, instructions: 'Be brief.' };
    expect((await (await respond(request)).json()).error).toMatchObject({ code: 'context_length_exceeded' });
    const response = await respond({ ...request, truncation: 'auto' });
    const { messages } = asked[0]!.input as { messages: { role: string; content: string }[] };
    expect(messages.map(({ role, content }) => [role, content.length])).toEqual([
      ['system', 9],
      ['assistant', 0],
      ['tool', 100_000],
      ['user', 100_000],
      ['user', 8],
    ]);
    expect(response.headers.get('x-tabloom-warnings')).toBe('parameter-clamped; param="input"');
    await respond({ input: [...input.slice(1), { role: 'user', content: long }], truncation: 'auto' });
    const shorter = asked[1]!.input as { messages: { role: string }[] };
    expect(shorter.messages.map(({ role }) => role)).toEqual(['user', 'user', 'user']);
  });

  test('a verbosity that has no effect is named in a header too', async () => {
    const { respond } = fixture();
    const warned = async (text: object) => (await respond({ input: 'x', text })).headers.get('x-tabloom-warnings');
    expect(await warned({ verbosity: 'low' })).toBe('parameter-ignored; param="text.verbosity"');
    expect(await warned({ verbosity: 'medium' })).toBeNull();
  });

  test('earlier reasoning is left out with a warning', async () => {
    const { respond } = fixture();
    const input = [
      { type: 'reasoning', summary: [] },
      { role: 'user', content: 'x' },
    ];
    const { tabloom } = await (await respond({ input })).json();
    expect(tabloom.warnings).toMatchObject([{ code: 'parameter-ignored', param: 'input.0' }]);
  });

  test.each([
    [
      'json_schema',
      { type: 'json_schema', name: 'x', strict: true, schema: {} },
      { type: 'json-schema', name: 'x', schema: '{}' },
    ],
    ['json_object', { type: 'json_object' }, { type: 'json-object' }],
    ['text', { type: 'text' }, undefined],
  ] as const)('text.format %s', async (_name, format, read) => {
    const { respond, asked } = fixture(answers('{}'));
    const body = await (await respond({ text: { format } })).json();
    expect((asked[0]!.params as { responseFormat?: object }).responseFormat).toEqual(read);
    expect(body.text.format).toEqual(format);
  });

  test.each([
    [{ type: 'function', name: 'get_weather' }, { type: 'named', name: 'get_weather' }, 2],
    ['required', { type: 'required' }, 2],
    [
      { type: 'allowed_tools', mode: 'required', tools: [{ type: 'function', name: 'get_weather' }] },
      { type: 'required' },
      1,
    ],
  ])('tool_choice %o', async (choice, read, count) => {
    const parts = [call({ id: 'c', name: 'get_weather', arguments: '{}' })];
    const { respond, asked } = fixture(answersWith(parts, 'tool-calls'));
    await respond({ tools: [weather, { type: 'function', name: 'other' }], tool_choice: choice });
    expect((asked[0]!.params as { toolChoice?: object }).toolChoice).toEqual(read);
    expect((asked[0]!.input as ChatInput).tools).toHaveLength(count);
  });
});

describe('what cannot be met is 400 with the member', () => {
  const item = (one: object) => ({ input: [one] });
  test.each([
    ['previous_response_id', { previous_response_id: 'resp_1' }],
    ['conversation', { conversation: 'conv_1' }],
    ['prompt', { prompt: { id: 'pmpt_1' } }],
    ['background', { background: true }],
    ['store', { store: true }],
    ['input.0', item({ type: 'item_reference', id: 'msg_1' })],
    ['input.0.type', item({ type: 'web_search_call', id: 'ws_1' })],
    ['input.0.content.0', item({ role: 'user', content: [{ type: 'input_file', file_id: 'f' }] })],
    ['input.0.content.0', item({ role: 'user', content: [{ type: 'input_image', file_id: 'f' }] })],
    ['input.0.content.0.image_url', item({ role: 'user', content: [{ type: 'input_image', image_url: 'https://x' }] })],
    ['input.0.role', item({ content: 'x' })],
    ['input.0.call_id', item({ type: 'function_call_output', output: 'x' })],
    ['input', { input: [] }],
    ['tools.0.type', { tools: [{ type: 'web_search' }] }],
    ['tools.0.name', { tools: [{ ...weather, name: 'a b' }] }],
    ['input.0', item({ type: 'function_call', call_id: 'c', name: 'a b', arguments: '' })],
    ['tool_choice', { tools: [weather], tool_choice: { type: 'function', name: 'other' } }],
    [
      'tool_choice',
      { tools: [weather], tool_choice: { type: 'allowed_tools', mode: 'auto', tools: [{ type: 'mcp' }] } },
    ],
    ['messages', { messages: [{ role: 'user', content: 'x' }] }],
    ['response_format', { response_format: { type: 'json_object' } }],
    ['max_tokens', { max_tokens: 5 }],
    ['max_output_tokens', { max_output_tokens: 0 }],
  ])('%s: %o', async (param, more) => {
    const { respond, asked } = fixture();
    const response = await respond(more);
    expect(response.status).toBe(400);
    expect((await response.json()).error).toMatchObject({ code: 'bad_request', param });
    expect(asked).toEqual([]);
  });

  test.each([
    ['text.format', { text: { format: { type: 'json_object' } } }],
    ['include', { top_logprobs: 1 }],
    ['input', item({ role: 'user', content: [{ type: 'input_image', image_url: 'data:image/png;base64,QUJD' }] })],
  ])('a feature that no worker has, needed by %s', async (param, more) => {
    const { respond } = fixture(undefined, []);
    const response = await respond(more);
    expect((await response.json()).error).toMatchObject({ code: 'feature_unavailable', param });
  });

  test('stored answers do not exist', async () => {
    const { request } = fixture();
    const response = await request('/v1/responses/resp_1');
    expect(response.status).toBe(404);
    expect((await response.json()).error.message).toContain('stores no answers');
  });
});

describe('a conversation past the context', () => {
  const trimming: Script = async function* (request, signal, time) {
    yield* accepted(request, time);
    const warning = { type: 'warning', code: 'history-trimmed', message: 'The beginning was left out.' } as const;
    yield { type: 'part-received', at: 0, part: warning };
    for await (const event of answers('It rains.')(request, signal, time)) {
      if (event.type === 'part-received' || event.type === 'job-finished') yield event;
    }
  };

  test('is refused in OpenAI’s words', async () => {
    const { error } = await (await fixture(trimming).respond({})).json();
    expect(error).toMatchObject({ code: 'context_length_exceeded', param: 'input' });
    expect(error.message).toContain('maximum context length');
  });

  test('is trimmed with a warning where truncation is auto', async () => {
    const body = await (await fixture(trimming).respond({ truncation: 'auto' })).json();
    expect(body).toMatchObject({ truncation: 'auto', tabloom: { warnings: [{ code: 'history-trimmed' }] } });
  });
});
