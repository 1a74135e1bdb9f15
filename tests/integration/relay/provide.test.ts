import OpenAI from 'openai';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { Peer } from '#lib/peer/peer.ts';
import { decodeEnvelope } from '#lib/protocol/envelope.ts';
import { chatCompletionSchema } from '#lib/protocol/openai.ts';
import { checkChain } from '#lib/trust/chain.ts';
import {
  runRelay,
  startProvide,
  startRelay,
  temporaryFolder,
  type ProgramProcess,
  type RelayProcess,
} from '../../fixtures/relay-process.ts';
import { startOpenAIServer } from '../engine/openai-server.ts';
import { collect, eventually, health, postChat, question, readEvents } from './http.ts';
import { createAsker } from './worker.ts';

const running: { dispose(): Promise<unknown> }[] = [];
/** In the order in which they were started, last first. */
afterEach(async () => {
  for (const one of running.splice(0).toReversed()) await one.dispose();
});

async function bareRelay(env: Readonly<Record<string, string>> = {}): Promise<RelayProcess> {
  const relay = await startRelay({ native: 'no-native', env: { SHUTDOWN_SECONDS: '0', ...env } });
  running.push(relay);
  return relay;
}

async function provider(input: Parameters<typeof startProvide>[0]): Promise<ProgramProcess> {
  const provide = await startProvide(input);
  running.push(provide);
  return provide;
}

async function backend(input: Parameters<typeof startOpenAIServer>[0] = {}) {
  const server = await startOpenAIServer(input);
  running.push({ dispose: server.close });
  return { ...server, origin: new URL(server.baseUrl).origin };
}

const offers = async (relay: RelayProcess) => (await health(relay.url)).offers;
const listed = (relay: RelayProcess) => eventually(async () => (await offers(relay)) === 1);
const askOnce = async (relay: RelayProcess, more: object = {}) =>
  chatCompletionSchema.parse(await (await postChat(relay.url, question({ temperature: 0, ...more }))).json());
const tabloomOf = ({ tabloom }: { readonly tabloom?: unknown; readonly id: string }) =>
  tabloom as { readonly peer: string; readonly receipt: { readonly envelope: string } };

test('the bundled model answers the openai client through a relay that runs none', async () => {
  const relay = await bareRelay();
  const dataDir = await temporaryFolder();
  running.push({ dispose: () => rm(dataDir, { recursive: true }) });
  const provide = await provider({ relays: [relay.url], dataDir: join(dataDir, 'data') });
  expect(provide.text()).toMatch(/^Listed by http:\/\/localhost:\d+\.$/m);
  await listed(relay);
  const client = new OpenAI({ baseURL: `${relay.url}/v1`, apiKey: 'none', maxRetries: 0 });
  const { data } = await client.models.list();
  expect(data.map(({ id }) => id)).toEqual(['tabloom-demo']);
  const answer = await client.chat.completions.create({
    model: 'tabloom-demo',
    messages: [{ role: 'user', content: 'What is Tabloom?' }],
  });
  expect(answer.choices[0]!.message.content).toMatch(/\w/);
  expect(answer).toMatchObject({
    tabloom: {
      role: 'native',
      path: 'direct',
      receipt: { checks: { signature: true, worker: true, prompt: true, output: true, counts: true, payment: true } },
    },
  });
  // Its key and its receipts are for its owner alone.
  const folder = join(dataDir, 'data');
  expect((await stat(folder)).mode & 0o777).toBe(0o700);
  const files = await readdir(folder);
  expect(files).toEqual(expect.arrayContaining(['provide.db', 'provide.key']));
  for (const file of files) expect((await stat(join(folder, file))).mode & 0o777).toBe(0o600);
});

test('the models of a server, found by asking it; the same peer with the same chain after a restart', async () => {
  const [relay, server] = [await bareRelay(), await backend()];
  const provide = await provider({
    relays: [relay.url.replace('http', 'ws')],
    flags: ['--backend', server.origin],
    env: { NATIVE_CONTEXT_TOKENS: '256' },
  });
  await listed(relay);
  const before = tabloomOf(await askOnce(relay, { model: 'auto', max_tokens: 5 }));
  expect(server.posted.length).toBeGreaterThan(0);
  await provide.restart();
  await listed(relay);
  const after = tabloomOf(await askOnce(relay, { model: 'auto', max_tokens: 5 }));
  expect(after.peer).toBe(before.peer);
  const receipts = [before, after].map(({ receipt }) => decodeEnvelope(Buffer.from(receipt.envelope, 'base64')));
  expect(checkChain('worker', receipts)).toMatchObject({ type: 'whole' });
});

test('without its server it says so, keeps asking, and serves when the server comes', async () => {
  const relay = await bareRelay();
  const gone = await startOpenAIServer();
  await gone.close();
  const provide = await provider({ relays: [relay.url], flags: ['--backend', gone.baseUrl] });
  expect(provide.text()).toMatch(/^The models cannot be served yet \(load-failed\): .*$/m);
  const back = await startOpenAIServer({}, Number(new URL(gone.baseUrl).port));
  running.push({ dispose: back.close });
  await listed(relay);
});

test('two relays, one of which is away at the start, is joined, dies and comes back', async () => {
  const [a, b] = [await bareRelay(), await bareRelay()];
  await b.halt();
  const provide = await provider({ relays: [a.url, b.url] });
  await listed(a);
  await b.restart();
  await listed(b);
  await a.halt();
  expect(tabloomOf(await askOnce(b)).peer).toBe(/provider (\w+)/.exec(provide.text())![1]);
  await a.restart();
  await listed(a);
  expect(tabloomOf(await askOnce(a)).peer).toBe(tabloomOf(await askOnce(b)).peer);
});

test('the gateway of a relay that names another reaches the providers there, and its own pages may use both', async () => {
  const a = await bareRelay();
  const b = await bareRelay({ RELAYS: a.url });
  const provide = await provider({ relays: [a.url] });
  await Promise.all([listed(a), listed(b)]);
  const answer = tabloomOf(await askOnce(b));
  expect(answer).toMatchObject({ peer: /provider (\w+)/.exec(provide.text())![1], path: 'relayed' });
  // Only public relays are named to others.
  expect(await (await fetch(`${b.url}/relay.json`)).json()).toMatchObject({ relays: [] });
  const from = (origin: string) => fetch(`${b.url}/relay.json`, { headers: { origin } });
  expect((await from(a.url)).status).toBe(200);
  expect((await from('https://other.example')).status).toBe(403);
});

test('E: on SIGTERM what waits is answered too, and what comes later goes elsewhere', async () => {
  const [relay, server] = [await bareRelay(), await backend({ slots: 1 })];
  const provide = await provider({
    relays: [relay.url],
    flags: ['--backend', server.origin],
    env: { NATIVE_SLOTS: '1', NATIVE_CONTEXT_TOKENS: '256', SHUTDOWN_SECONDS: '60' },
  });
  await listed(relay);
  await server.pace(100);
  const body = question({ model: 'auto', stream: true, max_tokens: 30 });
  const answers = await Promise.all(Array.from({ length: 4 }, () => postChat(relay.url, body)));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  const leaving = provide.halt('SIGTERM');
  const ends = await Promise.all(answers.map(async (answer) => (await collect(readEvents(answer))).at(-1)));
  expect(ends).toEqual(Array.from({ length: 4 }, () => '[DONE]'));
  expect(await leaving).toBe(0);
  expect((await postChat(relay.url, body)).status).toBe(503);
});

test('E: while the answers of a stopping relay end, its own models take no jobs from elsewhere', async () => {
  const server = await backend({ answerTokens: 200, slots: 1 });
  const relay = await startRelay({
    native: 'with-native',
    env: { NATIVE_SERVER: server.baseUrl, NATIVE_SLOTS: '1', NATIVE_CONTEXT_TOKENS: '256', SHUTDOWN_SECONDS: '60' },
  });
  running.push(relay);
  const stranger = await asker(relay);
  await eventually(() => stranger.directory.size === 1);
  expect(await follow(stranger)).toMatchObject({ end: 'job-finished' });
  await server.pace(40);
  // The last goes on for five seconds, in which even a busy machine gets to ask.
  const answers: Response[] = [];
  for (const max_tokens of [1, 1, 200]) {
    answers.push(await postChat(relay.url, question({ model: 'auto', stream: true, max_tokens })));
  }
  const leaving = relay.halt('SIGTERM');
  // The signal takes a moment to arrive, and a question before it would wait for all three answers.
  const isListening = () =>
    fetch(`${relay.url}/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  await eventually(async () => !(await isListening()));
  expect((await follow(stranger)).refusals).toContain('draining');
  const ends = await Promise.all(answers.map(async (answer) => (await collect(readEvents(answer))).at(-1)));
  expect(ends).toEqual(Array.from({ length: 3 }, () => '[DONE]'));
  expect(await leaving).toBe(0);
});

test('an answer over WebRTC does not notice that the relay restarts', async () => {
  const [relay, server] = [await bareRelay(), await backend({ answerTokens: 100 })];
  await provider({
    relays: [relay.url],
    flags: ['--backend', server.origin],
    env: { NATIVE_CONTEXT_TOKENS: '256' },
  });
  const tab = await asker(relay);
  await eventually(() => tab.directory.size === 1);
  // The first dial may miss its completion, as tuning.ts has it; the next channel is direct then.
  await eventually(async () => (await follow(tab, { maxTokens: 1 })).path === 'direct');
  // Only now: it is measured when it is offered, which takes the longer the slower it is.
  await server.pace(20);
  let restarted: Promise<void> | undefined;
  const answer = await follow(tab, { maxTokens: 100, onPart: () => (restarted ??= relay.restart()) });
  expect(answer).toEqual({ end: 'job-finished', path: 'direct', refusals: [], losses: 0 });
  await restarted;
});

async function asker(relay: RelayProcess): Promise<Peer> {
  const peer = await createAsker(relay.url);
  running.push({ dispose: () => peer.stop() });
  await peer.start();
  return peer;
}

/** Asks any worker, and says how that went. */
async function follow(peer: Peer, { maxTokens = 2, onPart = () => undefined as unknown } = {}) {
  const outcome = { end: '', path: '', refusals: [] as string[], losses: 0 };
  const messages = [{ role: 'user' as const, content: 'x' }];
  const work = { kind: 'chat' as const, input: { messages }, params: { maxTokens, temperature: 0 } };
  for await (const event of peer.consumer.ask({ ...work, model: 'any', tier: 'open' })) {
    if (event.type === 'channel-opened') outcome.path = event.path;
    if (event.type === 'worker-refused') outcome.refusals.push(event.error.code);
    if (event.type === 'worker-lost') outcome.losses += 1;
    if (event.type === 'part-received') onPart();
    outcome.end = event.type;
  }
  return outcome;
}

test.each([
  [['prvide'], {}, /^unknown-command: .*\n {2}relay .*\n {2}provide /],
  [['provide'], {}, /^bad-setting: RELAYS is missing.*--relays/],
  [['provide', '--relays', 'relay.example'], {}, /^bad-setting: RELAYS /],
  [['provide', '--port', '1'], {}, /^bad-flag: .*provide --help/],
])('%j %o is refused in one coded line', async (args, env, text) => {
  expect(await runRelay(args, env)).toEqual({ code: 2, text: expect.stringMatching(text) });
});
