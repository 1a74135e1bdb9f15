import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeEnvelope } from '#lib/protocol/envelope.ts';
import { chatCompletionSchema, openAIErrorBodySchema } from '#lib/protocol/openai.ts';
import { relayInfoSchema } from '#lib/protocol/relay-info.ts';
import { verifyStored } from '#lib/trust/check.ts';
import { startRelay, type RelayProcess } from '../../fixtures/relay-process.ts';
import {
  collect,
  eventually,
  health,
  postChat,
  question,
  rawRequest,
  readEvents,
  sendAndLeave,
  upgradeHeaders,
} from './http.ts';

let relay: RelayProcess;
beforeAll(async () => {
  relay = await startRelay({ native: 'with-native', env: { SHUTDOWN_SECONDS: '60' } });
});
afterAll(() => relay?.dispose());

const bytes = (base64: string) => new Uint8Array(Buffer.from(base64, 'base64'));

describe('the native provider answers as a peer', () => {
  test('whole, with a receipt that anybody can verify', async () => {
    const response = await postChat(relay.url, question({ temperature: 0 }));
    expect(response.status).toBe(200);
    const answer = chatCompletionSchema.parse(await response.json());
    const { receipt, ...who } = answer.tabloom as {
      receipt: { envelope: string; countersign: string; checks: object };
    };
    expect(answer.choices[0]!.message.content).toMatch(/\w+/);
    expect(answer.usage!.total_tokens).toBe(answer.usage!.prompt_tokens + answer.usage!.completion_tokens);
    expect(who).toMatchObject({ role: 'native', path: 'loopback', tier: 'open', engine: { name: 'llama' } });
    expect(response.headers.get('x-tabloom-peer')).toBe((who as { peer?: string }).peer);
    expect(receipt.checks).toEqual({
      signature: true,
      worker: true,
      prompt: true,
      output: true,
      counts: true,
      payment: true,
    });
    const stored = verifyStored({
      receipt: decodeEnvelope(bytes(receipt.envelope)),
      countersign: decodeEnvelope(bytes(receipt.countersign)),
    });
    const { peer: gateway } = relayInfoSchema.parse(await (await fetch(`${relay.url}/relay.json`)).json());
    expect(stored.receipt).toMatchObject({ asker: gateway, tokensOut: answer.usage!.completion_tokens });
  });

  test('streamed, the same text under greedy decoding', async () => {
    const whole = chatCompletionSchema.parse(await (await postChat(relay.url, question({ temperature: 0 }))).json());
    const body = question({ temperature: 0, stream: true, stream_options: { include_usage: true } });
    const events = await collect(readEvents(await postChat(relay.url, body)));
    // B10: data is there at once, so no comment comes before it.
    expect(events[0]).toMatchObject({ choices: [{ delta: { role: 'assistant' } }] });
    expect(events.at(-1)).toBe('[DONE]');
    const chunks = events.filter((event) => typeof event === 'object');
    const text = chunks.map(({ choices }) => choices[0]?.delta?.content ?? '').join('');
    expect(text).toBe(whole.choices[0]!.message.content);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: whole.usage, tabloom: { role: 'native' } });
  });

  test('is listed among the models', async () => {
    const { data } = await (await fetch(`${relay.url}/v1/models`)).json();
    expect(data).toMatchObject([{ id: 'tabloom-demo', object: 'model', tabloom: { peers: 1 } }]);
    expect((await fetch(`${relay.url}/v1/models/tabloom-demo`)).status).toBe(200);
  });

  test('the printed curl is one that works', async () => {
    const command = /curl -N (\S+) -H '([^']+)' -d '([^']+)'/.exec(relay.text())!;
    const [name, value] = command[2]!.split(': ');
    const response = await fetch(command[1]!, { method: 'POST', headers: { [name!]: value! }, body: command[3]! });
    expect((await collect(readEvents(response))).at(-1)).toBe('[DONE]');
  });

  test('nine at once are all answered: one slot and its queue', async () => {
    const responses = await Promise.all(Array.from({ length: 9 }, () => postChat(relay.url, question())));
    expect(responses.map(({ status }) => status)).toEqual(Array.from({ length: 9 }, () => 200));
    await Promise.all(responses.map((response) => response.text()));
    await expect.poll(() => health(relay.url)).toMatchObject({ ok: true, jobs: { running: 0, failed: 0 } });
  });

  test('a queue that has emptied takes the next one, though it was full when that was last announced', async () => {
    const long = question({ temperature: 0, messages: [{ role: 'user', content: 'Count to one hundred' }] });
    const short = question({ max_tokens: 1 });
    const full = await Promise.all([long, ...Array(8).fill(short)].map((body) => postChat(relay.url, body)));
    await Promise.all(full.map((response) => response.text()));
    const next = await postChat(relay.url, short);
    await next.text();
    expect(next.status).toBe(200);
  });

  test.each([
    ['{', 400, 'bad_json'],
    ['[]', 400, 'bad_request'],
    [{ model: 'tabloom-demo', messages: [] }, 400, 'bad_request'],
    [question({ model: 'gpt-9' }), 404, 'model_not_found'],
    [question({ messages: [{ role: 'user', content: 'long '.repeat(5_000) }] }), 400, 'context_length_exceeded'],
    [question({ tabloom: { tier: 'confidential' } }), 400, 'tier_unavailable'],
    ['x'.repeat(12 * 1024 * 1024 + 1), 413, 'body_too_large'],
  ])('bad input %# is refused in words of OpenAI', async (body, status, code) => {
    const response = await postChat(relay.url, body);
    const { error } = openAIErrorBodySchema.parse(await response.json());
    expect({ status: response.status, code: error.code }).toEqual({ status, code });
    expect(error.message).toMatch(/\.$/);
  });
});

describe('who may use it', () => {
  test.each([
    ['a foreign page', '/v1/models', { origin: 'https://evil.example' }],
    ['a rebound name', '/v1/models', { host: 'evil.example' }],
    ['a rebound name, of pages', '/', { host: 'evil.example' }],
    ['a network dialled from a foreign page', '/', { ...upgradeHeaders, origin: 'https://evil.example' }],
    ['a network dialled under a rebound name', '/', { ...upgradeHeaders, host: 'evil.example' }],
  ])('%s is refused', async (_name, path, headers) => {
    const { status, headers: said } = await rawRequest(relay.url, { path, headers });
    expect(status).toBe(403);
    expect(said['access-control-allow-origin']).toBeUndefined();
  });
  test('the own page reaches the network', async () => {
    const { status } = await rawRequest(relay.url, { headers: { ...upgradeHeaders, origin: relay.url } });
    expect(status).toBe(101);
  });
});

test('garbage on the port harms nobody', async () => {
  const half = 'POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
  const upgrade = `GET / HTTP/1.1\r\nHost: localhost\r\n${Object.entries(upgradeHeaders)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}\r\n`;
  const noise = Buffer.from(Uint8Array.from({ length: 70_000 }, (_, i) => (i * 7919) % 256));
  const attacks = [
    noise,
    'GET',
    `${half}Content-Length: 100\r\n\r\n{"model"`,
    `${half}Transfer-Encoding: chunked\r\n\r\nzz\r\n`,
    `${half}Content-Length: 5\r\nContent-Length: 6\r\n\r\n{}`,
    `GET / HTTP/1.1\r\nX: ${'y'.repeat(40_000)}\r\n\r\n`,
    'GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n',
    upgrade,
    Buffer.concat([Buffer.from(upgrade), noise]),
  ];
  await Promise.all(attacks.map((bytes) => sendAndLeave(relay.port, bytes)));
  const response = await postChat(relay.url, question());
  expect(response.status).toBe(200);
  await eventually(async () => (await health(relay.url)).peers === 1);
});

test('E: on SIGTERM the answers that are queued end too, within the time that settings give', async () => {
  const messages = [{ role: 'user', content: 'Count to one hundred' }];
  const body = question({ stream: true, max_tokens: 40, messages });
  const queued = await Promise.all(Array.from({ length: 5 }, () => postChat(relay.url, body)));
  expect(queued.map(({ status }) => status)).toEqual(Array.from({ length: 5 }, () => 200));
  const leaving = relay.halt('SIGTERM');
  const ends = await Promise.all(queued.map(async (response) => (await collect(readEvents(response))).at(-1)));
  expect(ends).toEqual(Array.from({ length: 5 }, () => '[DONE]'));
  expect(await leaving).toBe(0);
});

test('nothing of prompts or answers has been said or logged', () => {
  expect(relay.text()).not.toMatch(/long long/);
});
