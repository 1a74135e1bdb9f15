import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { createSiweMessage } from 'viem/siwe';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Peer } from '#lib/peer/peer.ts';
import { startRelay, type RelayProcess } from '../../fixtures/relay-process.ts';
import { eventually, postChat, question } from './http.ts';
import { startWorker } from './worker.ts';

let relay: RelayProcess;
let worker: Peer;
beforeAll(async () => {
  relay = await startRelay({ native: 'no-native' });
  worker = await startWorker(relay.url, 0);
  await eventually(async () => (await (await fetch(`${relay.url}/v1/models`)).text()).includes('scripted-0'));
});
afterAll(async () => {
  await worker?.stop();
  await relay?.dispose();
});

const send = async (method: string, path: string, body?: object, token?: string) => {
  const headers = { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) };
  const init = { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) };
  const response = await fetch(`${relay.url}/v1${path}`, init);
  return { status: response.status, body: await response.json() };
};

async function signIn() {
  const account = privateKeyToAccount(generatePrivateKey());
  const { nonce, domain } = (await send('POST', '/auth/nonce')).body;
  const message = createSiweMessage({
    address: account.address,
    chainId: 8453,
    domain,
    nonce,
    uri: relay.url,
    version: '1',
    issuedAt: new Date(),
  });
  const signed = { message, signature: await account.signMessage({ message }) };
  const { status, body } = await send('POST', '/auth/sign-in', signed);
  expect(status, JSON.stringify(body)).toBe(200);
  expect((await send('POST', '/auth/sign-in', signed)).body.error.code, 'the nonce is used').toBe('bad_sign_in');
  return body.token as string;
}

const statusWith = async (key: string) =>
  (await postChat(relay.url, question({ model: 'scripted-0' }), { headers: { authorization: `Bearer ${key}` } }))
    .status;

test('a wallet makes a key, uses it and revokes it; another wallet sees nothing of it', async () => {
  const [mine, other] = [await signIn(), await signIn()];
  const { body: made } = await send('POST', '/keys', { name: 'mine', caps: { requests_total: 1 } }, mine);
  expect(await statusWith(made.key)).toBe(200);
  expect(await statusWith(made.key)).toBe(429);
  expect((await send('GET', '/keys', undefined, mine)).body.data).toMatchObject([{ id: made.id, name: 'mine' }]);
  expect((await send('GET', '/keys', undefined, other)).body.data).toEqual([]);
  expect((await send('DELETE', `/keys/${made.id}`, undefined, other)).status).toBe(404);
  await relay.restart();
  expect((await send('DELETE', `/keys/${made.id}`, undefined, mine)).status, 'after a restart').toBe(200);
  expect(await statusWith(made.key)).toBe(401);
});
