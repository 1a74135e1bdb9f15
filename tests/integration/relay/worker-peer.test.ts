import { afterAll, beforeAll, expect, test } from 'vitest';
import { chatCompletionSchema } from '#lib/protocol/openai.ts';
import type { Peer } from '#lib/peer/peer.ts';
import { collect, eventually, health, postChat, question, readEvents } from './http.ts';
import { startRelay, type RelayProcess } from '../../fixtures/relay-process.ts';
import { startWorker } from './worker.ts';

/** 30 tokens a second, for long enough that nothing here ends by itself. */
const slow = question({ model: 'scripted-30', max_tokens: 2_000 });

let relay: RelayProcess;
let worker: Peer;
beforeAll(async () => {
  relay = await startRelay({ native: 'no-native', env: { SHUTDOWN_SECONDS: '60' } });
});
afterAll(async () => {
  await worker?.stop();
  await relay?.dispose();
});

test('with no peer the gateway says so, and when to come back', async () => {
  const response = await postChat(relay.url, question());
  expect(response.status).toBe(503);
  expect(response.headers.get('retry-after')).toBe('3');
  expect(await response.json()).toMatchObject({ error: { code: 'no_peer_available', type: 'server_error' } });
});

test('a peer is in the directory as soon as it is ready, and answers curl', async () => {
  worker = await startWorker(relay.url, 30, { answerTokens: 2_000 });
  await eventually(async () => (await health(relay.url)).offers === 1);
  const answer = chatCompletionSchema.parse(await (await postChat(relay.url, { ...slow, max_tokens: 5 })).json());
  expect(answer).toMatchObject({
    choices: [{ finish_reason: 'length' }],
    usage: { completion_tokens: 5 },
    tabloom: { peer: worker.self, role: 'tab', path: 'direct' },
  });
});

test('a client that leaves stops the engine', async () => {
  const client = new AbortController();
  const response = await postChat(relay.url, { ...slow, stream: true }, { signal: client.signal });
  let tokens = 0;
  await expect(async () => {
    for await (const event of readEvents(response)) {
      if (typeof event === 'object' && event.choices[0]?.delta?.content && ++tokens === 3) client.abort();
    }
  }).rejects.toThrow();
  await eventually(() => worker.provider.state.running === 0);
  // The gateway hears of it from the worker, in a process of its own.
  await expect.poll(async () => (await health(relay.url)).jobs).toMatchObject({ running: 0, cancelled: 1 });
  expect(worker.provider.state.tokensOut).toBeLessThan(1_000);
});

test('a client that leaves while it waits for a whole answer stops the engine too', async () => {
  const client = new AbortController();
  const asking = postChat(relay.url, slow, { signal: client.signal });
  await eventually(() => worker.provider.state.running === 1);
  client.abort();
  await expect(asking).rejects.toThrow();
  await eventually(() => worker.provider.state.running === 0);
  await expect.poll(async () => (await health(relay.url)).jobs).toMatchObject({ running: 0, cancelled: 2 });
});

test('a deadline ends it with 504', async () => {
  const response = await postChat(relay.url, { ...slow, tabloom: { deadline_ms: 300 } });
  expect(response.status).toBe(504);
  expect(await response.json()).toMatchObject({ error: { code: 'deadline' } });
});

test('an Idempotency-Key works once', async () => {
  const done = worker.provider.state.jobsDone;
  const ask = () => postChat(relay.url, { ...slow, max_tokens: 4 }, { headers: { 'idempotency-key': 'k' } });
  const [first, second] = await Promise.all([ask(), ask()]);
  expect(await second.json()).toEqual(await first.json());
  expect(await (await ask()).json()).toMatchObject({ usage: { completion_tokens: 4 } });
  expect(worker.provider.state.jobsDone).toBe(done + 1);
});

test('a crowd is told to come back, and the worker is not blamed for it', async () => {
  const answers = await Promise.all(Array.from({ length: 60 }, () => postChat(relay.url, { ...slow, max_tokens: 2 })));
  const bodies = await Promise.all(answers.map(async (answer) => [answer.status, (await answer.json()).error?.code]));
  expect(new Set(bodies.map(String))).toEqual(new Set(['200,', '429,busy']));
  expect((await postChat(relay.url, { ...slow, max_tokens: 2 })).status).toBe(200);
});

test('a worker that goes in the middle is told as such, in the last frame', async () => {
  const other = await startWorker(relay.url, 29, { answerTokens: 2_000 });
  await eventually(async () => (await health(relay.url)).offers === 2);
  const response = await postChat(relay.url, { ...slow, model: 'scripted-29', stream: true });
  const frames: string[] = [];
  for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
    frames.push(text);
    if (frames.length === 5) void other.net.stop();
  }
  expect(JSON.parse(frames.at(-1)!.trim().split('\n\n').at(-1)!.slice(6))).toMatchObject({
    error: { code: 'peer_lost', type: 'server_error' },
  });
  await other.stop();
});

test('SIGTERM lets a running answer end, and refuses what is new', async () => {
  const response = await postChat(relay.url, { ...slow, max_tokens: 40, stream: true });
  const events = readEvents(response);
  await events.next();
  const leaving = relay.halt('SIGTERM');
  const rest = await collect(events);
  expect(rest.at(-1)).toBe('[DONE]');
  await expect(fetch(`${relay.url}/health`)).rejects.toThrow();
  expect(await leaving).toBe(0);
});

test('an answer that does not end in time is cut off with a coded frame, and the program still leaves with 0', async () => {
  const hasty = await startRelay({ native: 'no-native', env: { SHUTDOWN_SECONDS: '0.5' } });
  const endless = await startWorker(hasty.url, 30, { answerTokens: 2_000 });
  await eventually(async () => (await health(hasty.url)).offers === 1);
  const response = await postChat(hasty.url, { ...slow, stream: true });
  const text = response.text();
  expect(await hasty.halt('SIGTERM')).toBe(0);
  expect(JSON.parse((await text).trim().split('\n\n').at(-1)!.slice(6))).toMatchObject({
    error: { code: 'draining', type: 'server_error' },
  });
  await endless.stop();
  await hasty.dispose();
});
