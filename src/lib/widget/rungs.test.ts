import { expect, test } from 'vitest';
import type { AnswerPart } from './ask-http.ts';
import { readOptions, type AttributeName } from './options.ts';
import { createRungs, type DeviceRung } from './rungs.ts';

const answer = () => Response.json({ choices: [{ message: { content: 'ok' }, finish_reason: 'stop' }] });

function create(
  attributes: Partial<Record<AttributeName, string>>,
  device?: DeviceRung,
  network: () => Response = answer,
) {
  const requests: { url: string; init: RequestInit }[] = [];
  let now = 0;
  const rungs = createRungs({
    options: () => readOptions((name) => attributes[name] ?? null, { base: 'https://shop.example', relay: undefined }),
    device: () => device,
    now: () => now,
    timeout: () => new AbortController().signal,
    fetch: (async (url: string, init: RequestInit) => {
      requests.push({ url, init });
      return url.endsWith('/v1/network') ? network() : answer();
    }) as typeof fetch,
  });
  const question = { messages: [], model: 'auto', maxTokens: 1, tools: [] };
  const ask = async (rung: 'network' | 'endpoint') => {
    const parts: AnswerPart[] = [];
    for await (const part of rungs.ask(rung, question, new AbortController().signal)) parts.push(part);
    return parts;
  };
  return { rungs, ask, requests, wait: (ms: number) => void (now += ms) };
}

const all = { relay: 'https://relay.example', key: 'pk_1', endpoint: '/chat' };

test('only what is set is a rung, and the device only where the visitor has agreed', () => {
  expect(create({}).rungs.list()).toEqual([]);
  expect(create(all).rungs.list()).toEqual(['network', 'endpoint']);
  const device = { ready: () => true, alone: () => false, ask: async function* () {} };
  expect(create(all, device).rungs.list()).toEqual(['device', 'network', 'endpoint']);
  expect(create(all, { ...device, ready: () => false }).rungs.list()).toEqual(['network', 'endpoint']);
});

test('a visitor who was promised that messages stay on the device goes down no ladder', () => {
  const device = { ready: () => true, alone: () => true, ask: async function* () {} };
  expect(create(all, device).rungs.list()).toEqual(['device']);
});

test('visitors’ tabs are named first, looked up once a minute', async () => {
  const tab = { peer: 'p1', role: 'tab', models: [{ name: 'demo', kinds: ['chat'] }] };
  const { ask, requests, wait } = create(all, undefined, () => Response.json({ workers: [tab] }));
  await ask('network');
  await ask('network');
  wait(61_000);
  await ask('network');
  expect(requests.filter(({ url }) => url.endsWith('/v1/network'))).toHaveLength(2);
  expect(JSON.parse(String(requests[1]!.init.body))).toMatchObject({ provider: { order: ['p1'] } });
});

test('a relay that does not tell its network is asked all the same', async () => {
  const { ask, requests } = create(all, undefined, () => new Response('no', { status: 403 }));
  expect(await ask('network')).toHaveLength(2);
  expect(JSON.parse(String(requests[1]!.init.body))).not.toHaveProperty('provider');
});

test('the site’s own endpoint gets its own cookies and no key', async () => {
  const { ask, requests } = create(all);
  await ask('endpoint');
  expect(requests).toHaveLength(1);
  expect(requests[0]).toMatchObject({ url: 'https://shop.example/chat', init: { credentials: 'same-origin' } });
  expect(new Headers(requests[0]!.init.headers).has('authorization')).toBe(false);
});

test('the relay gets the key and no cookies', async () => {
  const { ask, requests } = create(all);
  await ask('network');
  for (const { init } of requests) {
    expect(init.credentials).toBe('omit');
    expect(new Headers(init.headers).get('authorization')).toBe('Bearer pk_1');
  }
});
