import { expect, test } from 'vitest';
import { errorCode } from '#lib/base/errors.ts';
import { askHttp, type AnswerPart, type Question } from './ask-http.ts';
import { collectCalls, readChunk } from './wire.ts';

const question: Question = { messages: [{ role: 'user', content: 'Hi' }], model: 'auto', maxTokens: 9, tools: [] };
const target = {
  url: 'https://relay.example/v1/chat/completions',
  key: 'pk_1',
  order: ['p'],
  credentials: 'omit' as const,
};

async function ask(respond: (request: Request) => Response | Promise<Response>, signal = new AbortController().signal) {
  const parts: AnswerPart[] = [];
  const fetch = async (url: string, init: RequestInit) => respond(new Request(url, init));
  const components = { fetch: fetch as typeof globalThis.fetch, timeout: () => new AbortController().signal };
  try {
    for await (const part of askHttp(question, target, components, signal)) parts.push(part);
    return { parts };
  } catch (error) {
    return { parts, code: errorCode(error), error };
  }
}

const events = (...data: readonly unknown[]) =>
  new Response(data.map((one) => (typeof one === 'string' ? one : `data: ${JSON.stringify(one)}\n\n`)).join(''), {
    headers: { 'content-type': 'text/event-stream' },
  });
const delta = (content: string) => ({ choices: [{ delta: { content } }] });

test('a stream becomes text, its end, and who answered', async () => {
  let body: unknown;
  const { parts, code } = await ask(async (request) => {
    body = await request.json();
    expect(request.headers.get('authorization')).toBe('Bearer pk_1');
    return events(
      ': waiting\n\n',
      delta('Hel'),
      delta('lo'),
      { choices: [{ delta: {}, finish_reason: 'stop' }], tabloom: { role: 'tab', model: 'demo' } },
      'data: [DONE]\n\n',
    );
  });
  expect(code).toBeUndefined();
  expect(body).toMatchObject({ stream: true, provider: { order: ['p'] }, max_tokens: 9 });
  expect(parts).toEqual([
    { type: 'text', text: 'Hel' },
    { type: 'text', text: 'lo' },
    { type: 'answerer', answerer: { role: 'peer', model: 'demo' } },
    { type: 'finished', reason: 'stop', calls: [] },
  ]);
});

test('an endpoint that does not stream is read as a whole', async () => {
  const { parts } = await ask(() =>
    Response.json({ model: 'big', choices: [{ message: { content: 'Yes' }, finish_reason: 'length' }] }),
  );
  expect(parts).toEqual([
    { type: 'text', text: 'Yes' },
    { type: 'answerer', answerer: { role: undefined, model: 'big' } },
    { type: 'finished', reason: 'length', calls: [] },
  ]);
});

test('a refusal is its code, and when to come back', async () => {
  const refused = Response.json(
    { error: { code: 'insufficient_quota', message: 'Used up.' } },
    { status: 429, headers: { 'retry-after': '60' } },
  );
  const { code, error } = await ask(() => refused);
  expect(code).toBe('insufficient-quota');
  expect(error).toMatchObject({ details: { status: 429, retryAfterSeconds: 60 } });
});

test.each([
  ['a page instead of an answer', () => new Response('<!doctype html>', { status: 500 }), 'http-500'],
  ['no JSON', () => new Response('hello'), 'bad-answer'],
  ['a stream cut short', () => events(delta('Half')), 'cut-off'],
  ['an error in the stream', () => events(delta('Half'), { error: { code: 'peer_lost', message: 'x' } }), 'peer-lost'],
  ['no server', () => Promise.reject(new TypeError('fetch failed')), 'network-error'],
])('%s', async (_, respond, code) => expect((await ask(respond)).code).toBe(code));

test('a line without end is given up', async () => {
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new TextEncoder().encode('data: '.padEnd(100_000, 'x'))),
  });
  const response = new Response(endless, { headers: { 'content-type': 'text/event-stream' } });
  expect((await ask(() => response)).code).toBe('bad-stream');
});

test('events are found however they are cut', async () => {
  const bytes = new TextEncoder().encode(
    `data: ${JSON.stringify(delta('é'))}\r\n\r\ndata:${JSON.stringify({ choices: [{ finish_reason: 'stop' }] })}\r\n\r\n`,
  );
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
      controller.close();
    },
  });
  const { parts } = await ask(() => new Response(body, { headers: { 'content-type': 'text/event-stream' } }));
  expect(parts).toEqual([
    { type: 'text', text: 'é' },
    { type: 'finished', reason: 'stop', calls: [] },
  ]);
});

test('calls arrive in pieces', () => {
  const calls = collectCalls();
  const piece = (call: object) =>
    readChunk(JSON.stringify({ choices: [{ delta: { tool_calls: [call] } }] })).calls.forEach(calls.add);
  piece({ index: 0, id: 'c1', function: { name: 'price', arguments: '{"a"' } });
  piece({ index: 0, function: { arguments: ':1}' } });
  piece({ index: 99, function: {} });
  expect(calls.all()).toEqual([{ id: 'c1', name: 'price', arguments: '{"a":1}' }]);
});
