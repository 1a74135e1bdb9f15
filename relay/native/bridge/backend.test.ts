import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { seededRandom } from '#lib/base/random.ts';
import type { Measured } from '#lib/protocol/offer.ts';
import { isOffered, type BackendConfig } from './backend-config.ts';
import { createBackend } from './backend.ts';

const config = (change: Partial<BackendConfig> = {}): BackendConfig => ({
  baseUrl: 'http://127.0.0.1:9/v1',
  flavour: 'openai',
  fetch: async () => Response.json({ data: [{ id: 'a' }] }),
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
  ...change,
});

test.each([
  [{}, 'a', true],
  [{ allow: ['a'] }, 'a', true],
  [{ allow: ['a'] }, 'ab', false],
  [{ allow: ['qwen3:*'] }, 'qwen3:8b', true],
  [{ allow: ['qwen3:*'] }, 'Qwen3:8b', false],
  [{ allow: ['*8b'] }, 'qwen3:8b', true],
  [{ allow: ['*8b'] }, 'qwen3:8b-q4', false],
  [{ allow: ['org/*:*b'] }, 'org/m:8b', true],
  [{ allow: ['a*a'] }, 'a', false],
  [{ deny: ['*:70b'] }, 'm:70b', false],
  [{ allow: ['*'], deny: ['m'] }, 'm', false],
  [{ embeddingModels: ['e'] }, 'a', false],
  [{ embeddingModels: ['e'] }, 'e', true],
  [{ allow: ['a.c'] }, 'abc', false],
])('%o offers %s: %s', (change, name, isIt) => {
  expect(isOffered(config(change), name)).toBe(isIt);
});

/** A server in memory whose models are as fast as the test says. */
function fixture() {
  const clock = manualClock();
  const measured: Measured[] = [{ decodeTps: 100, prefillTps: 1_000, ttftMs: 10 }];
  const seeds: (number | undefined)[] = [];
  const changes: string[] = [];
  const backend = createBackend({
    config: config(),
    allowance: undefined,
    measure: async (_model, { seed } = {}) => {
      seeds.push(seed);
      return measured.length > 1 ? measured.shift() : measured[0];
    },
    onChange: (name) => void changes.push(name),
    clock,
    random: seededRandom(7),
    logger: silentLogger,
  });
  return { backend, clock, measured, seeds, changes };
}

test('an idle model is measured again at random: a speed that has fallen is stated anew, one that has risen is not', async () => {
  const { backend, clock, measured, seeds } = fixture();
  backend.start();
  await clock.advance(0);
  expect(backend.models.get('a')?.measured?.decodeTps).toBe(100);
  measured.splice(0, 1, { decodeTps: 300, prefillTps: 1_000, ttftMs: 10 });
  await clock.advance(30 * 60_000);
  expect(seeds.length).toBeGreaterThan(1);
  expect(backend.models.get('a')?.measured?.decodeTps).toBe(100);
  measured.splice(0, 1, { decodeTps: 79, prefillTps: 1_000, ttftMs: 10 });
  await clock.advance(30 * 60_000);
  expect(backend.models.get('a')?.measured?.decodeTps).toBe(79);
  // Each challenge has a prompt of its own.
  expect(new Set(seeds).size).toBe(seeds.length);
  await backend.stop();
});

test('a process that was held up itself asks for the list again before it withdraws anything, once', async () => {
  const manual = manualClock();
  let heldMs = 0;
  let answers: 'at once' | 'never' | 'never, held up' = 'at once';
  let asked = 0;
  const backend = createBackend({
    config: config({
      fetch: async (_url, { signal }) => {
        asked += 1;
        if (answers === 'at once') return Response.json({ data: [{ id: 'a' }] });
        // The deadline fires only when the process comes to it.
        if (answers === 'never, held up') signal!.addEventListener('abort', () => (heldMs += 1_000), { once: true });
        return new Promise((_, reject) => signal!.addEventListener('abort', () => reject(signal!.reason)));
      },
    }),
    allowance: undefined,
    measure: async () => undefined,
    onChange: () => undefined,
    clock: { ...manual, elapsed: () => manual.elapsed() + heldMs },
    random: seededRandom(7),
    logger: silentLogger,
  });
  backend.start();
  await manual.advance(0);
  expect([...backend.models.keys()]).toEqual(['a']);

  answers = 'never, held up';
  await manual.advance(2_000);
  answers = 'at once';
  const before = asked;
  await manual.advance(2_000);
  expect(asked).toBe(before + 1);
  expect([...backend.models.keys()]).toEqual(['a']);

  // A server that is silent is found out although this process is late each time.
  answers = 'never, held up';
  await manual.advance(6_000);
  expect([...backend.models.keys()]).toEqual([]);
  await backend.stop();
});

test('a server without raw prompts stops offering them, and keeps its models', async () => {
  const clock = manualClock();
  const changes: string[] = [];
  const backend = createBackend({
    config: config({
      fetch: async (url) =>
        String(url).endsWith('/models') ? Response.json({ data: [{ id: 'a' }] }) : new Response('', { status: 404 }),
    }),
    allowance: undefined,
    measure: async () => undefined,
    onChange: (name) => void changes.push(name),
    clock,
    random: seededRandom(7),
    logger: silentLogger,
  });
  backend.start();
  await clock.advance(0);
  const offered = backend.models.get('a')!.model;
  expect(offered.kinds).toEqual(['chat', 'completion']);
  const answer = offered.doStream({ kind: 'completion', input: { prompt: 'Once' }, params: { maxTokens: 4 } }, {});
  const drained = (async () => {
    for await (const _ of answer);
  })();
  await expect(drained).rejects.toMatchObject({ code: 'feature-unavailable' });
  expect(backend.models.get('a')?.model.kinds).toEqual(['chat']);
  expect(changes).toEqual(['a', 'a']);
  await backend.stop();
});

test('stopping ends every timer', async () => {
  const { backend, clock } = fixture();
  backend.start();
  await clock.advance(5_000);
  await backend.stop();
  expect(clock.nextDueMs).toBe(Number.POSITIVE_INFINITY);
});
