import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import OpenAI from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startRelay, type RelayProcess } from '../../fixtures/relay-process.ts';
import { eventually, health } from '../relay/http.ts';

/** A server of OpenAI's API that others wrote (`llmock` of aimock), as a process of its own, behind a whole relay. */
const llmock = join(dirname(fileURLToPath(import.meta.resolve('@copilotkit/aimock'))), 'cli.js');
const fixtures = [
  { match: { userMessage: 'greet' }, response: { content: 'Hello from a server that others wrote.' } },
  {
    match: { userMessage: 'weather', toolName: 'weather' },
    response: { toolCalls: [{ name: 'weather', arguments: '{"city":"Oslo"}' }] },
  },
  { match: { userMessage: 'as json' }, response: { content: '{"city":"Oslo"}' } },
  {
    match: { userMessage: 'too fast' },
    response: { error: { message: 'Slow down.', type: 'rate_limit_error', code: 'rate_limit_exceeded' }, status: 429 },
  },
  { match: { userMessage: 'break' }, response: { error: { message: 'Broken.', type: 'server_error' }, status: 500 } },
  { match: { inputText: '' }, response: { embedding: [0, -1, 0] } },
  { match: {}, response: { content: 'one two three four five six seven eight nine ten' } },
];

let folder: string;
let port: number;
let server: ChildProcess | undefined;
let relay: RelayProcess;
let client: OpenAI;

async function startServer(): Promise<void> {
  const args = ['--port', String(port), '--fixtures', join(folder, 'fixtures.json'), '--chunk-size', '5'];
  const child = spawn(process.execPath, [llmock, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  server = child;
  let text = '';
  await new Promise<void>((resolve, reject) => {
    child.stdout!.on('data', (bytes: Buffer) => {
      text += bytes.toString();
      if (text.includes('listening')) resolve();
    });
    child.once('exit', (code) => reject(new Error(`llmock ended with ${code}: ${text}`)));
  });
}
async function killServer(): Promise<void> {
  const child = server;
  server = undefined;
  if (!child || child.exitCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabloom-independent-'));
  await writeFile(join(folder, 'fixtures.json'), JSON.stringify({ fixtures }));
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  port = (probe.address() as AddressInfo).port;
  await new Promise((resolve) => probe.close(resolve));
  await startServer();
  relay = await startRelay({
    native: 'with-native',
    env: {
      NATIVE_SERVER: `http://127.0.0.1:${port}`,
      NATIVE_MODELS: 'gpt-4o',
      NATIVE_EMBEDDING_MODELS: 'text-embedding-3-small',
      NATIVE_FEATURES: 'tools,json-schema',
    },
  });
  client = new OpenAI({ baseURL: `${relay.url}/v1`, apiKey: 'any', maxRetries: 0 });
});
afterAll(async () => {
  await relay?.dispose();
  await killServer();
  await rm(folder, { recursive: true, force: true });
});

const ask = (content: string) => ({ model: 'gpt-4o', messages: [{ role: 'user' as const, content }] });

test('its models are offered, and answer streamed and whole with its own counts', async () => {
  const names = async () => (await client.models.list()).data.map(({ id }) => id);
  await eventually(async () => (await names()).join() === 'gpt-4o,text-embedding-3-small');
  const stream = await client.chat.completions.create({
    ...ask('greet'),
    stream: true,
    stream_options: { include_usage: true },
  });
  const deltas: string[] = [];
  let usage: OpenAI.CompletionUsage | null | undefined;
  for await (const chunk of stream) {
    usage = chunk.usage ?? usage;
    deltas.push(chunk.choices[0]?.delta.content ?? '');
  }
  expect(deltas.join('')).toBe('Hello from a server that others wrote.');
  const whole = await client.chat.completions.create(ask('greet'));
  expect(whole.choices[0]).toMatchObject({
    finish_reason: 'stop',
    message: { content: 'Hello from a server that others wrote.' },
  });
  expect(usage).toMatchObject({ prompt_tokens: expect.any(Number), completion_tokens: whole.usage!.completion_tokens });
  expect(whole).not.toHaveProperty('tabloom.warnings.0');
});

test('it calls tools, and answers by a schema', async () => {
  const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
  const called = await client.chat.completions.create({
    ...ask('weather'),
    tools: [{ type: 'function', function: { name: 'weather', parameters } }],
  });
  expect(called.choices[0]).toMatchObject({
    finish_reason: 'tool_calls',
    message: { tool_calls: [{ type: 'function', function: { name: 'weather', arguments: '{"city":"Oslo"}' } }] },
  });
  const json_schema = { name: 'place', schema: parameters, strict: true };
  const structured = await client.chat.completions.create({
    ...ask('as json'),
    response_format: { type: 'json_schema', json_schema },
  });
  expect(JSON.parse(structured.choices[0]!.message.content!)).toEqual({ city: 'Oslo' });
});

test('it makes embeddings', async () => {
  const { data } = await client.embeddings.create({ model: 'text-embedding-3-small', input: ['a', 'b'] });
  expect(data.map(({ embedding }) => embedding)).toEqual([
    [0, -1, 0],
    [0, -1, 0],
  ]);
});

test('its refusals reach the client as what they are, and take no model away', async () => {
  const fast = await client.chat.completions.create(ask('too fast')).catch((error: unknown) => error);
  expect(fast).toMatchObject({ status: 429 });
  expect((fast as InstanceType<typeof OpenAI.APIError>).headers?.get('retry-after')).toMatch(/^\d+$/);
  const broken = await client.chat.completions.create(ask('break')).catch((error: unknown) => error);
  expect(broken).toMatchObject({ status: 502 });
  expect((await client.chat.completions.create(ask('greet'))).choices[0]!.finish_reason).toBe('stop');
});

test('C4: killed, it is withdrawn; started again, it answers again without a restart of the relay', async () => {
  await killServer();
  await eventually(async () => (await client.models.list()).data.length === 0);
  expect(await health(relay.url)).toMatchObject({ ok: true, native: { state: 'failed' } });
  await startServer();
  await eventually(async () => (await client.models.list()).data.some(({ id }) => id === 'gpt-4o'));
  expect((await client.chat.completions.create(ask('greet'))).choices[0]!.finish_reason).toBe('stop');
});
