import { describe, expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.ts';
import { errorCode } from '#lib/base/errors.ts';
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

/** Answers one request with these lines, cut into pieces of `pieceBytes`. */
async function answered(
  lines: readonly string[] | Response,
  options: { readonly flavour?: ServerFlavour; readonly request?: EngineRequest; readonly pieceBytes?: number } = {},
) {
  let posted: unknown;
  const bytes = new TextEncoder().encode(Array.isArray(lines) ? lines.map((line) => `${line}\n`).join('') : '');
  const engine = createOpenAICompatibleEngine({
    baseUrl: 'http://127.0.0.1:9/v1',
    flavour: options.flavour ?? 'vllm',
    clock: manualClock(),
    fetch: async (url, init) => {
      if (String(url).endsWith('/models')) return Response.json({ data: [{ id: 'm' }] });
      posted = JSON.parse(String(init?.body));
      if (lines instanceof Response) return lines;
      let at = 0;
      return new Response(
        new ReadableStream({
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
  const code = await (async () => {
    for await (const event of loaded.doStream(options.request ?? request, {})) events.push(event);
    return 'ok';
  })().catch(errorCode);
  return { code, events, posted };
}

const chunk = (content: string, more: object = {}) =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content }, finish_reason: null }], ...more })}`;
const finish = (reason: string) => `data: {"choices":[{"index":0,"delta":{},"finish_reason":"${reason}"}]}`;
const usage = (prompt: number, completion: number) =>
  `data: {"choices":[],"usage":{"prompt_tokens":${prompt},"completion_tokens":${completion},"total_tokens":0}}`;

describe('reading an answer', () => {
  test.each([1, 3, 1_000])('takes text over pieces of %i bytes, comments and both line ends', async (pieceBytes) => {
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
  });

  test('believes the server’s count when a chunk holds several tokens', async () => {
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
    ['is an endless line', [`data: ${'x'.repeat(1024 * 1024 + 10)}`], 'engine-failed'],
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
    [400, '{"error":{"message":"bad seed"}}', 'engine-failed'],
  ])('maps status %i %s to %s', async (status, body, code) => {
    expect((await answered(new Response(body, { status }))).code).toBe(code);
  });
});

describe('asking', () => {
  test('sends the parameters and asks for the usage', async () => {
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

  const resumed = { ...request, resume: { text: 'Once', tokens: 6 } } as EngineRequest;

  test('continues an answer by prefill, for the tokens that are left', async () => {
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

  test('refuses to continue where the server would begin anew', async () => {
    const { code, posted } = await answered([finish('stop')], { request: resumed, flavour: 'openai' });
    expect({ code, posted }).toEqual({ code: 'engine-failed', posted: undefined });
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
  [401, 'engine-failed', 'refuses the key'],
  [503, 'busy', 'busy'],
  [404, 'load-failed', 'correct its address'],
])('a server that answers a load with status %i is told apart: %s', async (status, code, words) => {
  const engine = createOpenAICompatibleEngine({
    baseUrl: 'http://127.0.0.1:9/v1',
    flavour: 'openai',
    clock: manualClock(),
    fetch: async () => new Response('no', { status }),
  });
  const refused = await engine.load(remoteModel({ remoteName: 'm', contextTokens: 512 }), {}).catch((error) => error);
  expect(refused).toMatchObject({ code, message: expect.stringContaining(words) });
});
