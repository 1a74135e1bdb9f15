import { afterAll, beforeAll, expect, test } from 'vitest';
import { chatCompletionSchema, openAIErrorBodySchema } from '#lib/protocol/openai.ts';
import { collect, eventually, health, postChat, question, readEvents } from './http.ts';
import { startRelay, type RelayProcess } from '../../fixtures/relay-process.ts';
import { startEndlessServer } from '../bridge/scripted-server.ts';

/** A relay before a real model server: another relay's gateway, with the bundled model behind it. */
let server: RelayProcess;
let relay: RelayProcess;
beforeAll(async () => {
  server = await startRelay({ native: 'with-native' });
  relay = await startRelay({
    native: 'with-native',
    env: {
      NATIVE_SERVER: `${server.url}/v1`,
      NATIVE_MODELS: 'tabloom-demo, missing-model',
      NATIVE_CONTEXT_TOKENS: '512',
    },
  });
});
afterAll(async () => {
  await relay?.dispose();
  await server?.dispose();
});

// A name of the catalogue means its artefact, and nobody knows what file a server has under that name.
const greedy = question({ temperature: 0, model: 'auto' });
const answerOf = async (url: string) => chatCompletionSchema.parse(await (await postChat(url, greedy)).json());

test('answers with the words of the server, as a peer of its own with a receipt', async () => {
  const [there, here] = [await answerOf(server.url), await answerOf(relay.url)];
  expect(here.choices).toEqual(there.choices);
  expect(here.usage).toEqual(there.usage);
  expect(here.tabloom).toMatchObject({
    role: 'native',
    engine: { name: 'openai-compatible', build: 'openai' },
    receipt: { checks: { signature: true, worker: true, prompt: true, output: true, counts: true, payment: true } },
  });
  expect((here.tabloom as { peer: string }).peer).not.toBe((there.tabloom as { peer: string }).peer);
});

test('streams them', async () => {
  const events = await collect(readEvents(await postChat(relay.url, { ...greedy, stream: true })));
  const text = events
    .map((event) => (typeof event === 'object' ? (event.choices[0]?.delta?.content ?? '') : ''))
    .join('');
  expect(text).toBe((await answerOf(server.url)).choices[0]!.message.content);
});

test('offers what the server has, and goes on without what it has not', async () => {
  const { data } = (await (await fetch(`${relay.url}/v1/models`)).json()) as { data: { id: string }[] };
  expect(data.map(({ id }) => id)).toEqual(['tabloom-demo']);
  expect(await health(relay.url)).toMatchObject({ ok: true, native: { state: 'serving' } });
});

test('a client that walks away from a silent server stops it too', async () => {
  const endless = await startEndlessServer();
  const bridge = await startRelay({ native: 'with-native', env: { NATIVE_SERVER: endless.baseUrl } });
  try {
    const leaving = new AbortController();
    const body = question({ model: 'auto', stream: true });
    const response = await postChat(bridge.url, body, { signal: leaving.signal });
    for await (const event of readEvents(response)) if (typeof event === 'object') break;
    leaving.abort();
    await endless.left;
    await eventually(async () => (await health(bridge.url)).jobs.cancelled === 1);
  } finally {
    await bridge.dispose();
    await endless.close();
  }
});

test('without its server it says so in words of OpenAI, and the relay lives', async () => {
  await server.halt();
  const response = await postChat(relay.url, greedy);
  expect(response.status).toBeGreaterThanOrEqual(500);
  expect(openAIErrorBodySchema.parse(await response.json()).error.message).toMatch(/\.$/);
  expect((await health(relay.url)).ok).toBe(true);
});
