import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.ts';
import { errorCode, TabloomError } from '#lib/base/errors.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { scriptedModel } from '#lib/engine/catalog.ts';
import { createScriptedEngine } from '#lib/engine/scripted.ts';
import type { Engine, LoadedModel } from '#lib/engine/spec.ts';
import type { OfferModelOptions } from '#lib/peer/spec.ts';
import { createFloor } from './floor.ts';

const measured = { prefillTps: 100, decodeTps: 50, ttftMs: 10 };

function fixture(loadCodes: readonly (string | undefined)[]) {
  const clock = manualClock();
  const real = createScriptedEngine({ clock });
  const offers: [LoadedModel, OfferModelOptions | undefined][] = [];
  const told: [string, unknown][] = [];
  let loads = 0;
  let closed = 0;
  const engine: Engine = {
    info: real.info,
    async load(model, options) {
      const code = loadCodes[loads++];
      if (code) throw new TabloomError(code, `It failed with ${code}.`);
      return real.load(model, options);
    },
    async close() {
      closed += 1;
    },
  };
  const floor = createFloor({
    engine,
    clock,
    model: scriptedModel(0),
    limits: { promptCharacters: 100 },
    measure: async () => measured,
    logger: { ...silentLogger, info: (event, fields) => void told.push([event, fields]) },
    provider: { offerModel: (model, options) => void offers.push([model, options]) },
  });
  return { clock, floor, offers, told, loads: () => loads, closed: () => closed };
}

test('offers the model once it is loaded and measured', async () => {
  const { floor, offers, clock } = fixture([]);
  expect(floor.state).toEqual({ state: 'starting' });
  floor.start();
  await clock.advance(1_000);
  expect(await floor.ready).toEqual({ state: 'serving' });
  expect(offers.map(([, options]) => options)).toEqual([{ measured }]);
});

test('tells the first failure and tries again', async () => {
  const { floor, offers, clock, loads } = fixture(['load-failed', 'load-failed']);
  floor.start();
  await clock.advance(0);
  expect(await floor.ready).toMatchObject({ state: 'failed', error: { code: 'load-failed' } });
  await clock.advance(999);
  expect(loads()).toBe(1);
  await clock.advance(10_000);
  expect(loads()).toBe(3);
  expect(floor.state).toEqual({ state: 'serving' });
  expect(offers).toHaveLength(1);
});

test('gives up only what cannot get better, and asks for the rest less and less often', async () => {
  const corrupt = fixture(['model-corrupt']);
  corrupt.floor.start();
  await corrupt.clock.advance(1e6);
  expect(corrupt.loads()).toBe(1);
  const stubborn = fixture(Array.from({ length: 9 }, () => 'load-failed'));
  stubborn.floor.start();
  await stubborn.clock.advance(36_000);
  expect(stubborn.loads()).toBe(4);
  await stubborn.clock.advance(5 * 120_000);
  expect(stubborn.loads()).toBe(9);
});

test('a model that broke is loaded again', async () => {
  const { floor, offers, clock } = fixture([]);
  floor.start();
  await clock.advance(0);
  floor.onModelFailed({ code: 'engine-failed', message: '' });
  expect(floor.state.state).toBe('failed');
  await clock.advance(0);
  expect(floor.state.state).toBe('serving');
  expect(offers).toHaveLength(2);
});

test('has all its tries again after a success', async () => {
  const failing = Array.from({ length: 4 }, () => 'load-failed');
  const { floor, clock, loads } = fixture([...failing, undefined, ...failing]);
  floor.start();
  await clock.advance(1e6);
  expect({ loads: loads(), state: floor.state }).toEqual({ loads: 5, state: { state: 'serving' } });
  floor.onModelFailed({ code: 'engine-failed', message: '' });
  await clock.advance(1e6);
  expect({ loads: loads(), state: floor.state }).toEqual({ loads: 10, state: { state: 'serving' } });
});

test('what it offers keeps the limits and is counted', async () => {
  const { floor, offers, told, clock } = fixture([]);
  floor.start();
  await clock.advance(0);
  const [[offered]] = offers as [[LoadedModel, unknown]];
  const ask = async (content: string) => {
    const messages = [{ role: 'user' as const, content }];
    for await (const _ of offered.doStream({ kind: 'chat', input: { messages }, params: { maxTokens: 5 } }, {}));
  };
  await ask('Hello');
  expect(await ask('x'.repeat(101)).catch(errorCode)).toBe('too-long');
  await floor.stop();
  expect(told.at(-1)).toMatchObject(['native-served', { started: 2, finished: 1, failed: 1, tokensOut: 5 }]);
});

test('stopped in a pause, it does not go on', async () => {
  const { floor, clock, loads, closed } = fixture(['load-failed']);
  floor.start();
  await clock.advance(10);
  await floor.stop();
  await clock.advance(1e6);
  expect({ loads: loads(), closed: closed(), state: floor.state }).toEqual({
    loads: 1,
    closed: 1,
    state: { state: 'stopped' },
  });
});
