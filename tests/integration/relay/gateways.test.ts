import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Peer } from '#lib/peer/peer.ts';
import { findPostgres, findRedis } from '../../../scripts/tasks/services.ts';
import { runRelay, startRelay, temporaryFolder, type RelayProcess } from '../../fixtures/relay-process.ts';
import { startPostgres, startRedis, type Service } from '../../fixtures/services.ts';
import { eventually, postChat, question } from './http.ts';
import { startWorker } from './worker.ts';

const missing = findPostgres() === undefined || findRedis() === undefined;

describe.skipIf(missing)('two gateways of one ledger (needs "postgresql" and "redis-server")', () => {
  let services: Service[];
  let relays: RelayProcess[];
  let workers: Peer[];
  let env: Record<string, string>;
  let keysFolder: string;

  beforeAll(async () => {
    services = await Promise.all([startPostgres(), startRedis()]);
    env = { DATABASE_URL: services[0]!.url, REDIS_URL: services[1]!.url };
    keysFolder = await temporaryFolder();
    relays = await Promise.all([0, 1].map(() => startRelay({ native: 'no-native', env })));
    workers = await Promise.all(relays.map(({ url }) => startWorker(url, 0, { slots: 8 })));
    workers.push(await startWorker(relays[0]!.url, 50, { answerTokens: 4_000, slots: 8 }));
    for (const { url } of relays) {
      await eventually(async () => (await (await fetch(`${url}/v1/models`)).text()).includes('scripted-0'));
    }
    await eventually(async () => (await (await fetch(`${relays[0]!.url}/v1/models`)).text()).includes('scripted-50'));
  });
  afterAll(async () => {
    await Promise.all((workers ?? []).map((worker) => worker.stop()));
    await Promise.all((relays ?? []).map((relay) => relay.dispose()));
    await Promise.all((services ?? []).map((service) => service.dispose()));
    if (keysFolder) await rm(keysFolder, { recursive: true, force: true });
  });

  const make = async (...flags: readonly string[]) => {
    const { code, text } = await runRelay(['keys', 'create', ...flags], { ...env, DATA_DIR: keysFolder });
    expect(code, text).toBe(0);
    return /^sk_[\w-]{43}$/m.exec(text)![0];
  };
  const askAt = async (index: number, key: string, more: object = {}, headers: Record<string, string> = {}) => {
    const body = question({ model: 'scripted-0', max_tokens: 8, ...more });
    const response = await postChat(relays[index]!.url, body, {
      headers: { authorization: `Bearer ${key}`, ...headers },
    });
    return { status: response.status, headers: response.headers, body: await response.json() };
  };

  test('share keys, caps and rates', async () => {
    const key = await make('--requests-total', '2', '--requests-per-minute', '10');
    const answers = [await askAt(0, key), await askAt(1, key), await askAt(0, key), await askAt(1, key)];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429, 429]);
    expect(answers[3]!.body.error.code).toBe('insufficient_quota');
    expect(answers.map(({ headers }) => headers.get('x-ratelimit-remaining-requests'))).toEqual(['9', '8', '7', '6']);
  });

  test('share answers under an Idempotency-Key, and what was done', async () => {
    const key = await make();
    const header = { 'idempotency-key': 'once' };
    const first = await askAt(0, key, {}, header);
    expect(first.status).toBe(200);
    let second = await askAt(1, key, {}, header);
    // The first gateway stores it a moment after it has answered.
    await eventually(async () => (second = await askAt(1, key, {}, header)).status === 200);
    expect(second.body).toEqual(first.body);
    const { data } = await (await fetch(`${relays[1]!.url}/v1/activity`)).json();
    expect(data[0]).toMatchObject({ model: 'scripted-0', jobs: expect.any(Number) });
  });

  test('one that is killed costs nothing: the other goes on, and it finds its books in order', async () => {
    const key = await make('--requests-total', '3');
    const leaving = new AbortController();
    const running = await postChat(relays[0]!.url, question({ model: 'scripted-50', stream: true }), {
      headers: { authorization: `Bearer ${key}` },
      signal: leaving.signal,
    });
    expect(running.status).toBe(200);
    await relays[0]!.halt('SIGKILL');
    leaving.abort();
    expect((await askAt(1, key)).status).toBe(200);
    expect((await askAt(1, key)).status).toBe(200);
    expect((await askAt(1, key)).body.error.code, 'what was running still counts').toBe('insufficient_quota');
    await relays[0]!.restart();
    expect((await askAt(1, key)).status, 'until its gateway has given it back').toBe(200);
    expect((await askAt(1, key)).body.error.code).toBe('insufficient_quota');
  });
});
