import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startRelay } from '../fixtures/relay-process.ts';
import { expect, test } from './fixtures/test.ts';

/**
 * The other site stands on loopback too: browsers keep pages of the public web from a visitor's own machine by
 * themselves, and what is tried here is the relay.
 */
const site = createServer((_request, response) => {
  response.setHeader('content-type', 'text/html');
  response.end('<!doctype html><title>other</title>');
});
let foreign: string;
test.beforeAll(async () => {
  site.listen(0, '127.0.0.1');
  await once(site, 'listening');
  foreign = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
});
test.afterAll(() => void site.close());

test('a page of somebody else gets nothing out of a relay on its visitor’s machine', async ({
  nativeRelay,
  newProfile,
}) => {
  const page = await newProfile();
  await page.goto(foreign);
  const jobs = async () => {
    const health = (await (await fetch(`${nativeRelay.url}/health`)).json()) as { jobs: Record<string, number> };
    return health.jobs;
  };
  const before = await jobs();
  const { blind, ...others } = await page.evaluate(reach, nativeRelay.url);
  expect(['', 'nothing']).toContain(blind);
  for (const [name, outcome] of Object.entries(others)) expect({ name, outcome }).toEqual({ name, outcome: 'nothing' });
  expect(await jobs()).toEqual(before);
});

test('an origin that the operator allows reaches everything, by the same ways', async ({ newProfile }) => {
  const relay = await startRelay({ native: 'no-native', env: { ALLOWED_ORIGINS: foreign } });
  try {
    const page = await newProfile();
    await page.goto(foreign);
    expect(await page.evaluate(reach, relay.url)).toMatchObject({
      models: expect.stringContaining('"list"'),
      whoItIs: expect.stringContaining('12D3'),
      health: expect.stringContaining('serving'),
      preflighted: expect.stringContaining('no_peer_available'),
      simple: expect.stringContaining('unsupported_media_type'),
      network: 'open',
    });
  } finally {
    await relay.dispose();
  }
});

/** Runs in the page: every way a page has to a server that is not its own. */
async function reach(relay: string) {
  const body = JSON.stringify({ model: 'tabloom-demo', messages: [{ role: 'user', content: 'hello' }] });
  const chat = '/v1/chat/completions';
  const read = async (path: string, init?: RequestInit) => {
    try {
      return await (await fetch(relay + path, init)).text();
    } catch {
      return 'nothing';
    }
  };
  const as = (type: string): RequestInit => ({ method: 'POST', body, headers: { 'content-type': type } });
  navigator.sendBeacon(relay + chat, new Blob([body], { type: 'text/plain' }));
  return {
    models: await read('/v1/models'),
    whoItIs: await read('/relay.json'),
    health: await read('/health'),
    preflighted: await read(chat, as('application/json')),
    // Sent without asking first.
    simple: await read(chat, as('text/plain')),
    blind: await read(chat, { method: 'POST', body, mode: 'no-cors' }),
    network: await new Promise<string>((resolve) => {
      const socket = new WebSocket(relay.replace('http', 'ws'));
      socket.onopen = () => resolve('open');
      socket.onerror = () => resolve('nothing');
    }),
  };
}
