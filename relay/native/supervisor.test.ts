import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.ts';
import { errorCode, TabloomError } from '#lib/base/errors.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { scriptedModel } from '#lib/engine/catalog.ts';
import { createScriptedEngine } from '#lib/engine/scripted.ts';
import type { Engine, LoadedModel } from '#lib/engine/spec.ts';
import type { OfferModelOptions } from '#lib/peer/spec.ts';
import { createFloor, joinFloors, type Floor, type FloorState } from './supervisor.ts';

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

/** A floor whose loading ends when the test says so. */
function floorDouble(name: string, order: string[]) {
  const first = Promise.withResolvers<FloorState>();
  let state: FloorState = { state: 'starting' };
  const floor: Floor = {
    get state() {
      return state;
    },
    ready: first.promise,
    start: () => void order.push(`${name} started`),
    onModelFailed: ({ code }) => void order.push(`${name} heard ${code}`),
    cancel: () => void order.push(`${name} cancelled`),
    stop: async () => void order.push(`${name} stopped`),
  };
  return {
    floor,
    end(next: FloorState) {
      state = next;
      first.resolve(next);
    },
  };
}

const failed: FloorState = { state: 'failed', error: { code: 'load-failed', message: 'No answer.' } };
const settled = () => new Promise((resolve) => setImmediate(resolve));

test('begins one after the other, and is ready when each has answered or failed', async () => {
  const order: string[] = [];
  const [one, two] = [floorDouble('one', order), floorDouble('two', order)];
  const floors = joinFloors(
    new Map([
      ['a', one.floor],
      ['b', two.floor],
    ]),
  );
  floors.start();
  await settled();
  expect(order).toEqual(['one started']);
  one.end(failed);
  await settled();
  expect(order).toEqual(['one started', 'two started']);
  expect(floors.state).toEqual(failed);
  two.end({ state: 'serving' });
  expect(await floors.ready).toEqual({ state: 'serving' });
});

test('a failure goes to the model it is of; the end goes to all', async () => {
  const order: string[] = [];
  const floors = joinFloors(
    new Map([
      ['a', floorDouble('one', order).floor],
      ['b', floorDouble('two', order).floor],
    ]),
  );
  floors.onModelFailed('b', { code: 'device-lost', message: '' });
  floors.onModelFailed('gone', { code: 'device-lost', message: '' });
  floors.cancel();
  await floors.stop();
  expect(order).toEqual(['two heard device-lost', 'one cancelled', 'two cancelled', 'one stopped', 'two stopped']);
});
