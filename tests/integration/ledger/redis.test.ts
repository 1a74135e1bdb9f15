import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { errorCode } from '#lib/base/errors.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { createRateLimits, type RateLimits } from '../../../relay/gateway/rate-limits.ts';
import { findRedis } from '../../../scripts/tasks/services.ts';
import { startRedis, type Service } from '../../fixtures/services.ts';
import { eventually } from '../relay/http.ts';

const caller = { type: 'stranger', address: '192.0.2.1' } as const;
const take = (limits: RateLimits) =>
  limits
    .of(caller)!
    .takeRequest()
    .then(() => 'taken', errorCode);

describe.skipIf(findRedis() === undefined)('rates in Redis (needs the package "redis-server")', () => {
  let server: Service;
  const logged: string[] = [];
  const all: RateLimits[] = [];
  const gateway = () => {
    const limits = createRateLimits({
      requestsPerMinute: 4,
      tokensPerMinute: 1_000,
      requestsPerMinuteTotal: 1_000,
      redisUrl: server.url,
      logger: { ...silentLogger, warn: (event) => void logged.push(event) },
    });
    all.push(limits);
    return limits;
  };
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(async () => {
    for (const limits of all) limits.stop();
    await server?.dispose();
  });

  test('gateways count together; without it each counts by itself, and together again when it is back', async () => {
    const [a, b] = [gateway(), gateway()];
    // Connected when one sees what the other has taken.
    await eventually(async () => {
      await a
        .of({ ...caller, address: '192.0.2.9' })!
        .takeRequest()
        .catch(() => undefined);
      const probe = b.of({ ...caller, address: '192.0.2.9' })!;
      await probe.takeRequest().catch(() => undefined);
      return Number(probe.headers()['x-ratelimit-remaining-requests']) === 0;
    });
    for (const limits of [a, b, a, b]) expect(await take(limits)).toBe('taken');
    for (const limits of [a, b]) expect(await take(limits)).toBe('rate-limit-exceeded');

    await server.kill();
    await eventually(() => logged.filter((event) => event === 'redis-unavailable').length >= 2);
    for (const limits of [a, b]) {
      for (let i = 0; i < 4; i++) expect(await take(limits)).toBe('taken');
      expect(await take(limits)).toBe('rate-limit-exceeded');
    }

    await server.start();
    await eventually(() => logged.filter((event) => event === 'redis-available').length >= 2);
    for (const limits of [a, b, a, b]) expect(await take(limits)).toBe('taken');
    for (const limits of [a, b]) expect(await take(limits)).toBe('rate-limit-exceeded');
  });
});
