import { describe, expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { errorCode, TabloomError } from '#lib/base/errors.ts';
import { remoteModel, scriptedModel } from '../catalog.ts';
import { createScriptedEngine } from '../scripted.ts';
import type { EngineRequest, LoadedModel } from '../spec.ts';
import { createPool, type Pool } from './pool.ts';

const entry = remoteModel({ remoteName: 'm', contextTokens: 4_096 });
const info = { name: 'openai-compatible', build: 'openai', deviceClass: 'remote' };
const request: EngineRequest = {
  kind: 'chat',
  input: { messages: [{ role: 'user', content: 'x' }] },
  params: { maxTokens: 4, temperature: 0 },
};

async function member(change: Partial<LoadedModel> = {}) {
  const loaded = await createScriptedEngine({ clock: manualClock(), slots: 2 }).load(scriptedModel(0), {});
  const model: LoadedModel & { asked: number } = {
    ...loaded,
    ...change,
    asked: 0,
    doStream(...asked) {
      model.asked += 1;
      return (change.doStream ?? loaded.doStream)(...asked);
    },
  };
  return model;
}

async function pooled(...models: readonly (readonly [LoadedModel, number?])[]): Promise<Pool> {
  const pool = createPool(entry, info);
  pool.set(models.map(([model, weight = 1]) => ({ model, weight })));
  return pool;
}

/** Begins an answer and leaves it running. */
async function begin(pool: Pool, change: object = {}) {
  const events = pool.model.doStream({ ...request, ...change } as EngineRequest, {})[Symbol.asyncIterator]();
  await events.next();
  return events;
}
const fails = (code: string): LoadedModel['doStream'] =>
  // oxlint-disable-next-line require-yield -- It fails before it has anything to yield.
  async function* () {
    throw new TabloomError(code, 'It failed.');
  };
const finish = async (pool: Pool, asked: EngineRequest = request) => {
  const types: string[] = [];
  try {
    for await (const { type } of pool.model.doStream(asked, {})) types.push(type);
  } catch (error) {
    return errorCode(error);
  }
  return types.at(-1);
};

test('each request goes to the least loaded, in proportion to the weights', async () => {
  const [small, large] = [await member({ slots: 10 }), await member({ slots: 10 })];
  // The scripted engine itself has two slots.
  const endless: LoadedModel['doStream'] = async function* () {
    yield { type: 'text-delta', text: 'a', tokens: 1 };
    await new Promise(() => undefined);
  };
  const [a, b] = [await member({ ...small, doStream: endless }), await member({ ...large, doStream: endless })];
  const pool = await pooled([a, 1], [b, 3]);
  for (let count = 0; count < 8; count++) await begin(pool);
  expect([a.asked, b.asked]).toEqual([2, 6]);
});

test('a full member is passed over while another has a slot', async () => {
  const [full, free] = [await member({ slots: 1 }), await member()];
  const pool = await pooled([full, 100], [free, 1]);
  await begin(pool);
  await begin(pool);
  expect([full.asked, free.asked]).toEqual([1, 1]);
});

test('slots, context, kinds and features follow the members', async () => {
  const pool = await pooled();
  expect(pool.model.slots).toBe(0);
  pool.set([
    { model: await member({ slots: 3, features: ['tools'], contextTokens: 100 }), weight: 1 },
    { model: await member({ slots: 4, features: ['vision'], contextTokens: 200 }), weight: 1 },
  ]);
  expect(pool.model).toMatchObject({ slots: 7, features: ['tools', 'vision'], contextTokens: 100 });
});

describe('a member that fails before it has sent anything', () => {
  test.each(['engine-failed', 'busy', 'model-unknown'])('%s: another one is asked', async (code) => {
    const [bad, good] = [await member({ doStream: fails(code) }), await member()];
    expect(await finish(await pooled([bad], [good]))).toBe('finish');
    expect([bad.asked, good.asked]).toEqual([1, 1]);
  });
  test.each(['bad-request', 'too-long', 'resume-unsupported'])('%s is the request’s fault', async (code) => {
    const [bad, good] = [await member({ doStream: fails(code) }), await member()];
    expect(await finish(await pooled([bad], [good]))).toBe(code);
    expect(good.asked).toBe(0);
  });
  test('the first failure is the answer where all fail', async () => {
    const pool = await pooled(
      [await member({ doStream: fails('busy') })],
      [await member({ doStream: fails('engine-failed') })],
    );
    expect(await finish(pool)).toBe('busy');
  });
});

test('nobody else is asked once something was sent', async () => {
  const breaks: LoadedModel['doStream'] = async function* () {
    yield { type: 'text-delta', text: 'a', tokens: 1 };
    throw new TabloomError('engine-failed', 'It broke.');
  };
  const [bad, good] = [await member({ doStream: breaks }), await member()];
  expect(await finish(await pooled([bad], [good]))).toBe('engine-failed');
  expect(good.asked).toBe(0);
});

test('an answer goes on at a member that has left, and its slot is counted if it comes back', async () => {
  const [one, two] = [await member(), await member()];
  const pool = await pooled([one], [two]);
  const events = await begin(pool);
  pool.set([{ model: two, weight: 1 }]);
  expect((await events.next()).done).toBe(false);
  pool.set([
    { model: one, weight: 1 },
    { model: two, weight: 1 },
  ]);
  await begin(pool);
  expect([one.asked, two.asked]).toEqual([1, 1]);
});

test('only members that can do it are asked; where none can, it says so', async () => {
  const [plain, able] = [await member({ features: [] }), await member({ features: ['tools'] })];
  const tools = [{ name: 'f' }];
  const asked = { ...request, input: { ...request.input, tools }, params: { ...request.params } } as EngineRequest;
  expect(await finish(await pooled([plain], [able]), asked)).toBe('finish');
  expect([plain.asked, able.asked]).toEqual([0, 1]);
  expect(await finish(await pooled([plain]), asked)).toBe('feature-unavailable');
  expect(await finish(await pooled())).toBe('engine-failed');
});
