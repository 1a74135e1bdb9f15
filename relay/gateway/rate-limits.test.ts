import { createServer, type AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { errorCode, TabloomError } from '#lib/base/errors.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { keyTermsSchema, type ApiKey } from '../api-key.ts';
import type { Caller } from './caller.ts';
import { answers, ask, gatewayFixture } from './gateway.fixture.ts';
import { createRateLimits, writeDuration } from './rate-limits.ts';

const stranger = (address: string): Caller => ({ type: 'stranger', address });
const keyed = (caps: object = {}, id = 'a'): Caller => {
  const key: ApiKey = { ...keyTermsSchema.parse({ caps }), id, owner: undefined, createdAt: 0, revokedAt: undefined };
  return { type: 'key', key, address: '192.0.2.1' };
};
const scene = (more: object = {}) =>
  createRateLimits({
    requestsPerMinute: 3,
    tokensPerMinute: 100,
    requestsPerMinuteTotal: 1_000,
    redisUrl: undefined,
    logger: silentLogger,
    ...more,
  });
const refusal = (promise: Promise<void>) =>
  promise.then(
    () => undefined,
    (error: unknown) => (error instanceof TabloomError ? error : Promise.reject(error)),
  );
const codeOf = async (promise: Promise<void>) => errorCode(await refusal(promise));

describe('rates', () => {
  test('each address has its own, a /64 of IPv6 is one, and this machine has none', async () => {
    const limits = scene();
    const take = (caller: Caller) => limits.of(caller)!.takeRequest();
    for (let i = 0; i < 3; i++) await take(stranger('2001:db8::1'));
    const error = await refusal(take(stranger('2001:db8::2')));
    expect(error).toMatchObject({ code: 'rate-limit-exceeded' });
    expect(error!.details['retryAfterMs']).toBeGreaterThan(50_000);
    expect(error!.details['retryAfterMs']).toBeLessThanOrEqual(60_000);
    await take(stranger('2001:db8:0:1::1'));
    expect(limits.of({ type: 'local' })).toBeUndefined();
  });

  test('a key has those that it was made with, wherever it is used', async () => {
    const limits = scene();
    for (let i = 0; i < 5; i++) await limits.of(keyed({ requestsPerMinute: 5 }))!.takeRequest();
    expect(await codeOf(limits.of(keyed({ requestsPerMinute: 5 }))!.takeRequest())).toBe('rate-limit-exceeded');
    await limits.of(stranger('192.0.2.1'))!.takeRequest();
    await limits.of(keyed({}, 'b'))!.takeRequest();
  });

  test('all callers together have one', async () => {
    const limits = scene({ requestsPerMinuteTotal: 4 });
    for (let i = 0; i < 4; i++) await limits.of(stranger(`192.0.2.${i}`))!.takeRequest();
    expect(await codeOf(limits.of(stranger('198.51.100.1'))!.takeRequest())).toBe('gateway-busy');
  });

  test('tokens are taken as they may be used, and given back; a refusal takes none', async () => {
    const limits = scene();
    const first = limits.of(keyed())!;
    await first.takeTokens(60, undefined);
    const second = limits.of(keyed())!;
    expect(await codeOf(second.takeTokens(50, undefined))).toBe('rate-limit-exceeded');
    expect(second.headers()).toMatchObject({ 'x-ratelimit-remaining-tokens': '40' });
    await limits.of(keyed())!.takeTokens(40, undefined);
    first.giveBack(50);
    await limits.of(keyed())!.takeTokens(50, undefined);
  });

  test('an end user takes half of what its key may', async () => {
    const limits = scene();
    await limits.of(keyed())!.takeTokens(50, 'one');
    expect(await codeOf(limits.of(keyed())!.takeTokens(1, 'one'))).toBe('rate-limit-exceeded');
    await limits.of(keyed())!.takeTokens(50, 'two');
    expect(await codeOf(limits.of(keyed())!.takeTokens(1, 'three'))).toBe('rate-limit-exceeded');
  });

  test('what is more than a minute allows is refused without a time to come again', async () => {
    const error = await refusal(scene().of(keyed())!.takeTokens(101, undefined));
    expect(error).toMatchObject({ code: 'rate-limit-exceeded', details: {} });
    expect(error!.message).toContain('max_tokens');
  });

  test('a Redis that is not there leaves the counting to memory', async () => {
    const logged: string[] = [];
    const logger = { ...silentLogger, warn: (event: string) => void logged.push(event) };
    const limits = scene({ redisUrl: 'redis://127.0.0.1:1', logger });
    for (let i = 0; i < 3; i++) await limits.of(keyed())!.takeRequest();
    expect(await codeOf(limits.of(keyed())!.takeRequest())).toBe('rate-limit-exceeded');
    limits.stop();
  });

  test.each([
    [0, '0ms'],
    [120.5, '121ms'],
    [1_000, '1s'],
    [59_001, '1m0s'],
    [60_000, '1m0s'],
    [61_500, '1m2s'],
  ])('%d ms is written as %s', (ms, text) => expect(writeDuration(ms)).toBe(text));
});

describe('over HTTP', () => {
  const limited = (more: object = {}) => {
    const { gateway } = gatewayFixture(answers('Hello'), { rates: scene({ tokensPerMinute: 5_000, ...more }) });
    return (client: string, body: object = ask({ max_tokens: 10 })) =>
      gateway.fetch(
        new Request('http://localhost:8080/v1/chat/completions', {
          method: 'POST',
          headers: { host: 'localhost:8080', 'content-type': 'application/json' },
          body: JSON.stringify(body),
        }),
        { client },
      );
  };

  test('an answer says what is left, whole or streamed', async () => {
    const from = limited();
    const response = await from('192.0.2.1');
    const headers = Object.fromEntries(response.headers);
    expect(headers).toMatchObject({
      'x-ratelimit-limit-requests': '3',
      'x-ratelimit-remaining-requests': '2',
      'x-ratelimit-reset-requests': expect.stringMatching(/^(1m0s|5\ds)$/),
      'x-ratelimit-limit-tokens': '5000',
    });
    expect(Number(headers['x-ratelimit-remaining-tokens'])).toBeGreaterThan(4_000);
    expect((await from('192.0.2.1', ask({ stream: true }))).headers.get('x-ratelimit-remaining-requests')).toBe('1');
    expect((await from('127.0.0.1')).headers.get('x-ratelimit-limit-requests')).toBeNull();
  });

  test('a refusal says when to come again', async () => {
    const from = limited();
    for (let i = 0; i < 3; i++) await from('192.0.2.1', {});
    const refused = await from('192.0.2.1');
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(50);
    expect(refused.headers.get('x-ratelimit-remaining-requests')).toBe('0');
    expect((await refused.json()).error).toMatchObject({ code: 'rate_limit_exceeded', type: 'rate_limit_error' });
    expect((await from('192.0.2.2')).status).toBe(200);
  });
});

/** A server that speaks as much of Redis's protocol as counting needs, until it falls silent. */
async function fakeRedis() {
  let isSilent = false;
  let hasCounted = false;
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      if (isSilent) return;
      for (const command of bytes.toString().split(/(?=\*\d+\r\n\$)/)) {
        const name = command.split('\r\n')[2]?.toLowerCase() ?? '';
        const isCount = name.startsWith('eval');
        hasCounted ||= isCount;
        if (name === 'info') socket.write('$15\r\nredis_version:7\r\n');
        else socket.write(isCount ? '*2\r\n:1\r\n:60000\r\n' : '+OK\r\n');
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `redis://127.0.0.1:${port}`,
    hasCounted: () => hasCounted,
    silence: () => void (isSilent = true),
    close: () => void server.close(),
  };
}

test('a Redis that falls silent is left alone until it responds, so that only one request waits for it', async () => {
  const server = await fakeRedis();
  const unavailable = Promise.withResolvers<void>();
  const warn = (event: string) => event === 'redis-unavailable' && unavailable.resolve();
  const limits = createRateLimits({
    requestsPerMinute: 1e9,
    tokensPerMinute: 1_000,
    requestsPerMinuteTotal: 1e9,
    redisUrl: server.url,
    logger: { ...silentLogger, warn },
  });
  const rate = limits.of({ type: 'stranger', address: '192.0.2.1' })!;
  while (!server.hasCounted()) {
    await rate.takeRequest();
    await new Promise(setImmediate);
  }
  server.silence();
  await rate.takeRequest();
  await unavailable.promise;
  limits.stop();
  server.close();
});
