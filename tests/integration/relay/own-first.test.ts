import type { Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { limits } from '#lib/protocol/limits.ts';
import { startRelay, type RelayProcess } from '../../fixtures/relay-process.ts';
import { answerWith, listOf, startScriptedServer, type ScriptedServer } from '../bridge/scripted-server.ts';
import { eventually, health, postChat } from './http.ts';

/** A relay before a model server of two slots, one of which is its owner's, and whose answers to "hold" wait for the test. */
let server: ScriptedServer;
let relay: RelayProcess;
const held: Socket[] = [];
beforeAll(async () => {
  server = await startScriptedServer(({ path, body }, socket) => {
    if (path.endsWith('/models')) return void socket.end(listOf('a'));
    if (body.includes('hold')) held.push(socket);
    else socket.end(answerWith('at once'));
  });
  relay = await startRelay({
    native: 'with-native',
    env: { NATIVE_SERVER: server.baseUrl, NATIVE_SLOTS: '2', NATIVE_RESERVE: '1', NATIVE_FEATURES: 'seed' },
  });
});
afterAll(async () => {
  await relay?.dispose();
  await server?.close();
});

const ask = (content: string, headers: Record<string, string> = {}) =>
  postChat(relay.url, { model: 'a', messages: [{ role: 'user', content }] }, { headers });
/** A proxy that nobody trusts says that it is not the machine itself that asks. */
const stranger = { 'x-forwarded-for': '192.0.2.1' };

test('strangers see one slot and queue for it; the owner is answered meanwhile', async () => {
  const strangers = Array.from({ length: 1 + limits.workerQueueMax }, () => ask('hold', stranger));
  await eventually(async () => (await health(relay.url)).native.queued === limits.workerQueueMax);
  // The one that has the slot may be on its way to the server still.
  await eventually(() => held.length > 0);
  expect(held).toHaveLength(1);
  const network = (await (await fetch(`${relay.url}/v1/network`)).json()) as { models: object[] };
  expect(network.models).toMatchObject([{ slots: 1 }]);
  expect((await ask('now', stranger)).status).toBe(429);
  const answer = await (await ask('now')).json();
  expect(answer).toMatchObject({ choices: [{ message: { content: 'at once' } }], tabloom: { role: 'native' } });
  for (let answered = 0; answered < strangers.length; answered++) {
    await eventually(() => held.length > answered);
    held[answered]!.end(answerWith('late'));
  }
  expect((await Promise.all(strangers)).map(({ status }) => status)).toEqual(strangers.map(() => 200));
});
