import { describe, expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { errorCode } from '#lib/base/errors.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import { createAllowance } from './allowance.ts';

const limits = { requestsPerDay: 3, tokensPerDay: 100 };
const scene = (
  storage: KeyValue = createMemoryStorage(),
  clock = manualClock(),
  more: Partial<typeof limits> = {},
) => ({
  storage,
  clock,
  allowance: createAllowance({ limits: { ...limits, ...more }, name: 'a', storage, clock, logger: silentLogger }),
});
const codeOf = (taking: Promise<unknown>) => taking.then(() => 'ok', errorCode);

describe('an allowance', () => {
  test('is used up by requests, and by the most that each may use until what it used is known', async () => {
    const { allowance } = scene();
    const settle = await allowance.take(80);
    expect(await codeOf(allowance.take(21))).toBe('busy');
    settle(10);
    expect(allowance.spent).toMatchObject({ requests: 1, tokens: 10 });
    expect(await codeOf(allowance.take(90))).toBe('ok');
    expect(await codeOf(allowance.take(0))).toBe('ok');
    await expect(allowance.take(0)).rejects.toMatchObject({
      code: 'busy',
      details: { retryAfterMs: expect.any(Number) },
    });
  });

  test('is not overdrawn by requests at the same moment', async () => {
    const { allowance } = scene();
    const codes = await Promise.all([60, 60, 40].map((tokens) => codeOf(allowance.take(tokens))));
    expect(codes).toEqual(['ok', 'busy', 'ok']);
  });

  test('outlives the process, and one that was killed has used the most', async () => {
    const { allowance, storage, clock } = scene();
    (await allowance.take(50))(20);
    await allowance.take(70);
    const { allowance: again } = scene(storage, clock);
    expect(await codeOf(again.take(11))).toBe('busy');
    expect(again.spent).toMatchObject({ requests: 2, tokens: 90 });
    expect(await codeOf(again.take(10))).toBe('ok');
  });

  test('is renewed at midnight UTC, which a clock that is set back does not bring again', async () => {
    const { allowance, clock, storage } = scene(createMemoryStorage(), manualClock(), { requestsPerDay: 1 });
    const settle = await allowance.take(40);
    await clock.advance(86_400_000);
    expect(allowance.spent).toMatchObject({ requests: 0, tokens: 0 });
    expect(await codeOf(allowance.take(40))).toBe('ok');
    settle(0);
    expect(allowance.spent).toMatchObject({ requests: 1, tokens: 40 });
    const earlier = scene(storage, manualClock(), { requestsPerDay: 1 });
    expect(await codeOf(earlier.allowance.take(1))).toBe('busy');
  });

  test.each<[string, Partial<KeyValue>]>([
    ['cannot be read', { get: () => Promise.reject(new Error('gone')) }],
    ['holds something else', { get: async () => ({ day: 'today' }) }],
    ['cannot be written', { put: () => Promise.reject(new Error('full')) }],
  ])('allows nothing where its store %s', async (_name, broken) => {
    const { allowance } = scene({ ...createMemoryStorage(), ...broken });
    expect(await codeOf(allowance.take(1))).toBe('allowance-unknown');
  });
});
