import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { seededRandom } from '#lib/base/random.ts';
import type { Measured } from '#lib/protocol/offer.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { createBridge } from './bridge.ts';

const fast: Measured = { decodeTps: 100, prefillTps: 1_000, ttftMs: 10 };

/** A bridge to one server in memory, whose only model is as fast as the benchmark is told. */
async function bridged(baseUrl: string, measured: Measured | undefined | Promise<Measured | undefined>) {
  const clock = manualClock();
  const models = ['a'];
  const seeds: unknown[] = [];
  const bridge = createBridge({
    backends: [
      {
        baseUrl,
        flavour: 'openai',
        fetch: async () => Response.json({ data: models.map((id) => ({ id })) }),
        allow: [],
        deny: [],
        aliases: {},
        embeddingModels: [],
        features: [],
        contextTokens: undefined,
        slots: 4,
        reserve: 0,
        weight: 1,
        overflow: undefined,
      },
    ],
    provider: { offerModel: () => undefined, withdrawModel: () => undefined, servedModels: () => undefined },
    storage: createMemoryStorage(),
    measure: async (_model, { seed } = {}) => {
      seeds.push(seed);
      return measured;
    },
    clock,
    random: seededRandom(3),
    logger: silentLogger,
  });
  expect(bridge.isMeasured).toBe(false);
  bridge.start();
  if (measured instanceof Promise) await clock.advance(0);
  else await bridge.ready;
  return { bridge, clock, models, seeds };
}

test.each<[string, string, Measured | undefined, boolean]>([
  ['a model here that was benchmarked', 'http://127.0.0.1:9/v1/', fast, true],
  ['the same by another name of this machine', 'http://[::1]:9/v1/', fast, true],
  ['one at another machine', 'http://192.0.2.7:9/v1/', fast, false],
  ['a host that only looks like this one', 'http://127.example:9/v1/', fast, false],
  ['an answer too short to measure', 'http://localhost:9/v1/', undefined, false],
  ['a speed that no device has', 'http://localhost:9/v1/', { ...fast, decodeTps: 1e6 }, false],
])('the hardware is borne out by %s: %s %o %s', async (_name, baseUrl, measured, expected) => {
  const { bridge, seeds } = await bridged(baseUrl, measured);
  expect(bridge.isMeasured).toBe(expected);
  // Drawn: a fixed prompt would be in somebody's cache.
  expect(seeds).toEqual([expect.any(Number)]);
  await bridge.stop();
});

test('it is a claim again when no such model is served', async () => {
  const { bridge, clock, models } = await bridged('http://localhost:9/v1/', fast);
  expect(bridge.isMeasured).toBe(true);
  models.pop();
  await clock.advance(2_000);
  expect(bridge.isMeasured).toBe(false);
  await bridge.stop();
});

test('it is starting, and has not failed, while its only model is being found out', async () => {
  const measuring = Promise.withResolvers<Measured | undefined>();
  const { bridge } = await bridged('http://localhost:9/v1/', measuring.promise);
  expect(bridge.state).toEqual({ state: 'starting' });
  measuring.resolve(fast);
  expect(await bridge.ready).toEqual({ state: 'serving' });
  await bridge.stop();
});
