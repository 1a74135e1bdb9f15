import OpenAI, { AuthenticationError, PermissionDeniedError, RateLimitError } from 'openai';
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Peer } from '#lib/peer/peer.ts';
import { runRelay, startRelay, temporaryFolder, type RelayProcess } from '../../fixtures/relay-process.ts';
import { eventually, postChat, question } from './http.ts';
import { startWorker } from './worker.ts';

/** Keys made by the command while the relay runs, used by the client that most programs use. */
let folder: string;
let relay: RelayProcess;
let worker: Peer;
const model = 'scripted-0';

beforeAll(async () => {
  folder = await temporaryFolder();
  relay = await startRelay({ native: 'no-native', dataDir: folder });
  worker = await startWorker(relay.url, 0, { slots: 8 });
  await eventually(
    async () => ((await (await fetch(`${relay.url}/v1/models`)).json()) as { data: [] }).data.length > 0,
  );
});
afterAll(async () => {
  await worker?.stop();
  await relay?.dispose();
  await rm(folder, { recursive: true, force: true });
});

const keys = async (...args: readonly string[]) => {
  const { code, text } = await runRelay(['keys', ...args], { DATA_DIR: folder });
  expect(code, text).toBe(0);
  return text;
};
async function make(...flags: readonly string[]) {
  const text = await keys('create', ...flags);
  return { key: /^[sp]k_[\w-]{43}$/m.exec(text)![0], id: /Key ([0-9a-f]{16})/.exec(text)![1]! };
}
const client = (apiKey: string, more: object = {}) =>
  new OpenAI({ baseURL: `${relay.url}/v1`, apiKey, maxRetries: 2, ...more });
const askWith = (apiKey: string, more: object = {}) =>
  client(apiKey, more).chat.completions.create({ model, messages: question().messages as [], max_tokens: 8 });

describe('the openai client', () => {
  test('is served with a key, and told when it is wrong', async () => {
    const { key } = await make('--name', 'ci');
    expect((await askWith(key)).choices[0]!.message.content).toBeTruthy();
    const wrong = await askWith(`sk_${'x'.repeat(43)}`).catch((error: unknown) => error);
    expect(wrong).toBeInstanceOf(AuthenticationError);
    expect(wrong).toMatchObject({ status: 401, code: 'invalid_api_key' });
  });

  test('is refused from the moment its key is revoked', async () => {
    const { key, id } = await make();
    await askWith(key);
    await keys('revoke', '--id', id);
    await expect(askWith(key)).rejects.toMatchObject({ status: 401, code: 'invalid_api_key' });
    expect(await keys('list')).toMatch(new RegExp(`^${id}  revoked  secret`, 'm'));
  });

  test('does not retry when its quota is used up', async () => {
    const { key } = await make('--requests-total', '1');
    await askWith(key);
    let requests = 0;
    const counting = { fetch: (...args: Parameters<typeof fetch>) => ((requests += 1), fetch(...args)) };
    const refused = await askWith(key, counting).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(RateLimitError);
    expect(refused).toMatchObject({ status: 429, code: 'insufficient_quota', type: 'insufficient_quota' });
    expect(requests).toBe(1);
  });

  test('may not use a model that its key does not name', async () => {
    const { key } = await make('--models', 'another');
    const refused = await askWith(key).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(PermissionDeniedError);
    expect(refused).toMatchObject({ code: 'model_not_allowed' });
  });

  test('in a page is served on the origin of its publishable key alone', async () => {
    const origin = 'https://widget.example';
    const { key } = await make('--publishable', '--origins', origin, '--requests-per-day', '5');
    expect(key).toMatch(/^pk_/);
    const from = (page: string) => ({ defaultHeaders: { origin: page } });
    expect((await askWith(key, from(origin))).choices).toHaveLength(1);
    await expect(askWith(key, from('https://other.example'))).rejects.toMatchObject({ code: 'origin_not_allowed' });
    await expect(askWith(key)).rejects.toMatchObject({ status: 403, code: 'origin_not_allowed' });
  });
});

test('counts survive a relay that is killed, and what it left open is given back', async () => {
  const { key } = await make('--requests-total', '2');
  await askWith(key);
  const leaving = new AbortController();
  const slow = await startWorker(relay.url, 50, { answerTokens: 4_000, slots: 1 });
  await eventually(async () => (await (await fetch(`${relay.url}/v1/models`)).text()).includes('scripted-50'));
  const running = await postChat(relay.url, question({ model: 'scripted-50', stream: true }), {
    headers: { authorization: `Bearer ${key}` },
    signal: leaving.signal,
  });
  expect(running.status).toBe(200);
  await expect(askWith(key), 'one used, one running').rejects.toMatchObject({ code: 'insufficient_quota' });
  await relay.halt('SIGKILL');
  leaving.abort();
  await slow.stop();
  await relay.restart();
  await eventually(async () => (await (await fetch(`${relay.url}/v1/models`)).text()).includes(model));
  await askWith(key);
  await expect(askWith(key)).rejects.toMatchObject({ code: 'insufficient_quota' });
});

test.each([
  [['create', '--publishable'], 2, /^bad-flag: origins must name/],
  [['create', '--origins', '*'], 2, /^bad-setting: KEY_ORIGINS /],
  [['revoke'], 2, /^bad-setting: KEY_ID is missing/],
  [['revoke', '--id', '0123456789abcdef'], 1, /^key-unknown: /],
])('keys %j is refused', async (args, code, line) => {
  const result = await runRelay(['keys', ...args], { DATA_DIR: folder });
  expect(result.text).toMatch(line);
  expect(result.code).toBe(code);
});
