import type { RequestListener } from 'node:http';
import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { systemClock } from '#lib/base/clock.ts';
import { readBackends } from '../backends.ts';
import type { BackendConfig } from '../native/bridge/backend-config.ts';
import { readEnv } from '../settings/read-env.ts';
import { closedPort, found, serverThat } from './doctor.fixture.ts';
import { checkLimitMs, runChecks } from './finding.ts';
import { checkBundledModel, checkModelServer } from './model-servers.ts';

/** A server as the settings name it, with changes. */
const config = async (url: URL, change: Partial<BackendConfig> = {}): Promise<BackendConfig> => {
  const [named] = await readBackends(readEnv('relay', { NATIVE_SERVER: url.href }));
  return { ...named!, ...change };
};
const look = async (url: URL, change: Partial<BackendConfig> = {}) =>
  found(checkModelServer(await config(url, change), systemClock));

/** Lists these models, and answers a chat as told. */
const listing =
  (names: readonly string[], chat: RequestListener): RequestListener =>
  (request, response) => {
    if (request.method === 'POST') return chat(request, response);
    response.end(JSON.stringify({ data: names.map((id) => ({ id, owned_by: 'vllm' })) }));
  };
const status =
  (code: number): RequestListener =>
  (_request, response) =>
    response.writeHead(code).end('{}');
const answers: RequestListener = (_request, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write('data: {"choices":[{"index":0,"delta":{"content":"one"},"finish_reason":null}]}\n\n');
  response.write('data: {"choices":[{"index":0,"delta":{},"finish_reason":"length"}]}\n\n');
  response.end('data: [DONE]\n\n');
};

test('one that answers a token', async () => {
  await using server = await serverThat(listing(['a', 'b'], answers));
  expect(await look(server.url)).toEqual({
    id: `model-server ${server.url.host}`,
    state: 'ok',
    what: `${server.url.href}v1/ (vllm) has a, b; a answers.`,
  });
});

test.each([
  ['wants a key', status(401), {}, 'fail', /wants a key/],
  ['refuses the key', status(403), { apiKey: 'word-that-is-secret' }, 'fail', /refuses the key/],
  ['has no list there', status(404), {}, 'fail', /no list/],
  ['is broken', status(500), {}, 'fail', /status 500/],
  ['has no models', listing([], answers), {}, 'fail', /has no models/],
  ['has none that may be offered', listing(['a'], answers), { deny: ['*'] }, 'fail', /none that may be offered/],
  ['lacks one that is named', listing(['a'], answers), { allow: ['a', 'b'] }, 'warn', /does not have b/],
  ['is busy', listing(['a'], status(429)), {}, 'warn', /busy/],
  ['refuses a chat', listing(['a'], status(400)), {}, 'warn', /refuses a chat/],
  ['breaks at the first token', listing(['a'], status(500)), {}, 'fail', /status 500/],
  ['speaks something else', listing(['a'], (_request, response) => response.end('<html>')), {}, 'fail', /./],
] as const)('one that %s', async (_, listener, change, state, what) => {
  await using server = await serverThat(listener);
  const finding = await look(server.url, change);
  expect(finding).toMatchObject({ state, what: expect.stringMatching(what), do: expect.any(String) });
  expect(JSON.stringify(finding)).not.toContain('word-that-is-secret');
});

test('one that is away', async () => {
  const finding = await look(new URL(`http://127.0.0.1:${await closedPort()}`));
  expect(finding).toMatchObject({ state: 'fail', what: expect.stringContaining('ECONNREFUSED') });
});

test('one that has no TLS', async () => {
  await using server = await serverThat(status(200));
  const finding = await look(new URL(`https://127.0.0.1:${server.port}`));
  expect(finding).toMatchObject({ state: 'fail', do: expect.stringContaining('http://') });
});

test('one that hangs, and one whose first token does not come', async () => {
  const clock = manualClock();
  const heard = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
  await using mute = await serverThat(() => heard[0].resolve());
  await using slow = await serverThat(listing(['a'], () => heard[1].resolve()));
  const checks = await Promise.all([mute, slow].map(async ({ url }) => checkModelServer(await config(url), clock)));
  const findings = runChecks(checks, clock);
  await Promise.all(heard.map(({ promise }) => promise));
  await clock.advance(checkLimitMs);
  await clock.advance(8_000);
  expect(await findings).toMatchObject([
    { state: 'fail', what: expect.stringContaining('no answer within 4 s') },
    { state: 'warn', what: expect.stringContaining('no token within 8 s') },
  ]);
});

test('the bundled model', async () => {
  expect(await found(checkBundledModel(import.meta.filename))).toMatchObject({ state: 'ok' });
  expect(await found(checkBundledModel('/nowhere/model.gguf'))).toMatchObject({ state: 'fail' });
});
