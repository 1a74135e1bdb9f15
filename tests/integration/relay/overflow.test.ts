import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startRelay, type RelayProcess } from '../../fixtures/relay-process.ts';
import { answerWith, listOf, startScriptedServer, type ScriptedServer } from '../bridge/scripted-server.ts';
import { eventually, health, postChat } from './http.ts';

/** A relay before a server of its own, which holds the answers to "hold", and one that is paid. */
let own: ScriptedServer;
let paid: ScriptedServer;
let relay: RelayProcess;
let folder: string;
const held: Socket[] = [];
beforeAll(async () => {
  own = await startScriptedServer(({ path, body }, socket) => {
    if (path.endsWith('/models')) return void socket.end(listOf('a'));
    if (body.includes('hold')) held.push(socket);
    else socket.end(answerWith('own'));
  });
  paid = await startScriptedServer(({ path }, socket) => {
    socket.end(path.endsWith('/models') ? listOf('vendor/a', 'vendor/b') : answerWith('paid'));
  });
  folder = await mkdtemp(join(tmpdir(), 'tabloom-overflow-'));
  const upstream = {
    url: paid.baseUrl,
    allow: ['vendor/a'],
    aliases: { 'vendor/a': 'a' },
    overflow: true,
    overflowRequestsPerDay: 2,
    overflowTokensPerDay: 100_000,
  };
  const backends = [{ url: own.baseUrl, slots: 1, features: ['seed'] }, upstream];
  await writeFile(join(folder, 'backends.json'), JSON.stringify({ backends }));
  relay = await startRelay({ native: 'with-native', env: { BACKENDS: join(folder, 'backends.json') } });
});
afterAll(async () => {
  await relay?.dispose();
  await Promise.all([own?.close(), paid?.close()]);
  await rm(folder, { recursive: true, force: true });
});

const ask = (content: string, more: object = {}) =>
  postChat(relay.url, { model: 'a', max_tokens: 8, messages: [{ role: 'user', content }], ...more });
const answerOf = async (response: Response) => {
  const { choices, model } = (await response.json()) as { choices: { message: { content: string } }[]; model: string };
  return { text: choices[0]!.message.content, model, warnings: response.headers.get('x-tabloom-warnings') };
};
const byOwn = { text: 'own', model: 'a', warnings: null };
const byPaid = { text: 'paid', model: 'a:upstream', warnings: 'answered-upstream' };

const namesOf = async () => {
  const { data } = (await (await fetch(`${relay.url}/v1/models`)).json()) as { data: { id: string }[] };
  return data.map(({ id }) => id);
};

test('the paid server answers while the own one is full, says so, and no more often than it may', async () => {
  await eventually(async () => (await namesOf()).join() === 'a,a:upstream');
  expect(await answerOf(await ask('now'))).toEqual(byOwn);
  expect(paid.asked.size).toBe(0);
  expect((await ask('now', { model: 'a:upstream' })).status).toBe(403);

  const waits = ask('hold');
  await eventually(() => held.length === 1);
  await eventually(async () => (await (await fetch(`${relay.url}/v1/network`)).text()).includes('"running":1'));
  expect(await answerOf(await ask('now'))).toEqual(byPaid);
  await expect
    .poll(() => health(relay.url))
    .toMatchObject({ native: { upstream: { requestsToday: 1, tokensToday: 4 } } });
  held[0]!.end(answerWith('own'));
  expect(await answerOf(await waits)).toEqual(byOwn);
  await eventually(async () => (await health(relay.url)).native.running === 0);
  expect(await answerOf(await ask('now'))).toEqual(byOwn);
  expect(paid.asked.get('vendor/a')).toBe(1);
});

test('what was spent is known after a restart, and the last of it is not overdrawn', async () => {
  await own.close();
  await relay.restart();
  expect(await health(relay.url)).toMatchObject({ native: { upstream: { requestsToday: 1, tokensToday: 4 } } });
  expect(await answerOf(await ask('now'))).toEqual(byPaid);
  expect((await ask('now')).status).toBe(503);
  expect((await ask('now', { model: 'a:upstream' })).status).toBe(429);
  expect(paid.asked.get('vendor/a')).toBe(2);
});
