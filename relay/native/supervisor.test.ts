import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { errorCode, TabloomError } from '#lib/base/errors.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { scriptedModel } from '#lib/engine/catalog.ts';
import { createScriptedEngine } from '#lib/engine/scripted.ts';
import type { Engine, LoadedModel } from '#lib/engine/spec.ts';
import type { OfferModelOptions } from '#lib/peer/spec.ts';
import { createModelSupervisor } from './supervisor.ts';

const measured = { prefillTps: 100, decodeTps: 50, ttftMs: 10 };

function fixture(loadCodes: readonly (string | undefined)[]) {
  const clock = manualClock();
  const real = createScriptedEngine({ clock });
  const offers: [LoadedModel, OfferModelOptions | undefined][] = [];
  const logged: [string, unknown][] = [];
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
  const supervisor = createModelSupervisor({
    engine,
    clock,
    model: scriptedModel(0),
    slots: 1,
    limits: { promptCharacters: 100 },
    measure: async () => measured,
    logger: { ...silentLogger, info: (event, fields) => void logged.push([event, fields]) },
    provider: { offerModel: (model, options) => void offers.push([model, options]) },
  });
  return { clock, supervisor, offers, logged, loads: () => loads, closed: () => closed };
}

test('offers the model once it is loaded and measured', async () => {
  const { supervisor, offers, clock } = fixture([]);
  expect(supervisor.state).toEqual({ state: 'starting' });
  supervisor.start();
  await clock.advance(1_000);
  expect(await supervisor.ready).toEqual({ state: 'serving' });
  expect(offers.map(([, options]) => options)).toEqual([{ measured }]);
});

test('tells the first failure and tries again', async () => {
  const { supervisor, offers, clock, loads } = fixture(['load-failed', 'load-failed']);
  supervisor.start();
  await clock.advance(0);
  expect(await supervisor.ready).toMatchObject({ state: 'failed', error: { code: 'load-failed' } });
  await clock.advance(999);
  expect(loads()).toBe(1);
  await clock.advance(10_000);
  expect(loads()).toBe(3);
  expect(supervisor.state).toEqual({ state: 'serving' });
  expect(offers).toHaveLength(1);
});

test('gives up only what cannot get better, and asks for the rest less and less often', async () => {
  const corrupt = fixture(['model-corrupt']);
  corrupt.supervisor.start();
  await corrupt.clock.advance(1e6);
  expect(corrupt.loads()).toBe(1);
  const stubborn = fixture(Array.from({ length: 9 }, () => 'load-failed'));
  stubborn.supervisor.start();
  await stubborn.clock.advance(36_000);
  expect(stubborn.loads()).toBe(4);
  await stubborn.clock.advance(5 * 120_000);
  expect(stubborn.loads()).toBe(9);
});

test('a model that broke is loaded again', async () => {
  const { supervisor, offers, clock } = fixture([]);
  supervisor.start();
  await clock.advance(0);
  supervisor.onModelFailed(scriptedModel(0).artefact, { code: 'engine-failed', message: '' });
  expect(supervisor.state.state).toBe('failed');
  await clock.advance(0);
  expect(supervisor.state.state).toBe('serving');
  expect(offers).toHaveLength(2);
});

test('has all its tries again after a success', async () => {
  const failing = Array.from({ length: 4 }, () => 'load-failed');
  const { supervisor, clock, loads } = fixture([...failing, undefined, ...failing]);
  supervisor.start();
  await clock.advance(1e6);
  expect({ loads: loads(), state: supervisor.state }).toEqual({ loads: 5, state: { state: 'serving' } });
  supervisor.onModelFailed(scriptedModel(0).artefact, { code: 'engine-failed', message: '' });
  await clock.advance(1e6);
  expect({ loads: loads(), state: supervisor.state }).toEqual({ loads: 10, state: { state: 'serving' } });
});

test('what it offers keeps the limits and is counted', async () => {
  const { supervisor, offers, logged, clock } = fixture([]);
  supervisor.start();
  await clock.advance(0);
  const [[offered]] = offers as [[LoadedModel, unknown]];
  const ask = async (content: string) => {
    const messages = [{ role: 'user' as const, content }];
    for await (const _ of offered.doStream({ kind: 'chat', input: { messages }, params: { maxTokens: 5 } }, {}));
  };
  await ask('Hello');
  expect(await ask('x'.repeat(101)).catch(errorCode)).toBe('too-long');
  await supervisor.stop();
  expect(logged.at(-1)).toMatchObject(['native-served', { started: 2, finished: 1, failed: 1, tokensOut: 5 }]);
});

test('stopped in a pause, it does not go on', async () => {
  const { supervisor, clock, loads, closed } = fixture(['load-failed']);
  supervisor.start();
  await clock.advance(10);
  await supervisor.stop();
  await clock.advance(1e6);
  expect({ loads: loads(), closed: closed(), state: supervisor.state }).toEqual({
    loads: 1,
    closed: 1,
    state: { state: 'stopped' },
  });
});
