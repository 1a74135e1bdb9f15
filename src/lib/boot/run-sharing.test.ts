import { expect, test, vi } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { scriptedModel } from '#lib/engine/catalog.ts';
import { createScriptedEngine } from '#lib/engine/scripted.ts';
import type { LoadedModel } from '#lib/engine/spec.ts';
import type { OfferModelOptions, Provider, ProviderState } from '#lib/peer/spec.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { raceSignal, type AbortOptions } from '#lib/base/abort.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { createEmitter } from '#lib/base/emitter.ts';
import type { Library, ModelLoss } from './library.ts';
import { createLive } from '#lib/base/live.ts';
import { keepSettings } from './settings.ts';
import type { Benchmark } from './benchmark.ts';
import { createSharing } from './run-sharing.ts';
import type { Earner } from './wallet.ts';

const entry = scriptedModel(100);

/** A provider that only remembers for whom it serves. */
function fakeProvider() {
  const state = createLive<ProviderState>({
    phase: 'serving',
    models: [],
    running: 0,
    queued: 0,
    jobsDone: 5,
    jobsFailed: 0,
    jobsRefused: 0,
    tokensOut: 100,
    tokensIn: 50,
    decodeTps: undefined,
    busyMs: 0,
  });
  const prices: OfferModelOptions['price'][] = [];
  const provider = {
    get state() {
      return state.current;
    },
    onState: state.listen,
    servedModels: () => undefined,
    scorer: { has: () => false, score: async () => undefined },
    offerModel: (model: LoadedModel, { audience = 'network', price }: OfferModelOptions = {}) => {
      prices.push(price);
      state.change({ models: [{ artefact: model.model.artefact, name: model.model.name, audience }] });
    },
    withdrawModel: () => state.change({ models: [] }),
    work: () => state.current,
    dismiss: vi.fn(async () => undefined),
    pause: () => undefined,
    resume: () => undefined,
    drain: async () => undefined,
    abandon: () => undefined,
    start: vi.fn(async () => undefined),
    stop: vi.fn(async () => undefined),
  } satisfies Provider;
  return { provider, state, prices, audience: () => state.current.models[0]?.audience };
}

async function desk(engine = 'scripted') {
  const clock = manualClock();
  const loadedLive = createLive<LoadedModel | undefined>(undefined);
  const losses = createEmitter<ModelLoss>();
  const failure: { next: TabloomError | undefined; slow: Promise<void> | undefined } = {
    next: undefined,
    slow: undefined,
  };
  /** What the benchmark says, and when. */
  const bench = { result: { kind: 'measured', measured: undefined } as Benchmark, slow: Promise.resolve() };
  const scripted = await createScriptedEngine({ clock, tokensPerSecond: 0 }).load(entry, {});
  const model: LoadedModel = { ...scripted, engine: { ...scripted.engine, name: engine } };
  const library = {
    view: createLive({ models: [] }),
    get loaded() {
      return loadedLive.current;
    },
    load: async (_: string, { signal }: AbortOptions = {}) => {
      await raceSignal(failure.slow ?? Promise.resolve(), signal);
      if (failure.next) throw failure.next;
      loadedLive.set(model);
      return model;
    },
    unload: async () => loadedLive.set(undefined),
    onLoaded: loadedLive.listen,
    onLost: losses.listen,
  } as unknown as Library;
  /** As the library does when a worker dies. */
  const lose = (message = 'Gone.') => {
    losses.emit({ model: entry.name, error: { code: 'device-lost', message } });
    loadedLive.set(undefined);
  };
  const settings = await keepSettings(createMemoryStorage());
  const benchmark = async (_: LoadedModel, { signal }: { readonly signal: AbortSignal }) => {
    await raceSignal(bench.slow, signal);
    return bench.result;
  };
  const money = {
    price: 'free' as ReturnType<Earner['priceOf']>,
    failure: undefined as TabloomError | undefined,
    entrusted: 0,
  };
  const earner: Earner = {
    prepare: async () => {
      if (money.failure) throw money.failure;
    },
    priceOf: () => money.price,
    entrust: () => void (money.entrusted += 1),
  };
  const sharing = createSharing({ library, settings, clock, benchmark, wasDiscarded: false, earner });
  const served = fakeProvider();
  sharing.serveWith(served.provider, 'network');
  return { clock, library, settings, sharing, failure, bench, lose, money, ...served };
}

test('lending offers to the network, remembers the consent, and counts from its own start', async () => {
  const { sharing, settings, audience, state } = await desk();
  await sharing.start(entry.name);
  expect(audience()).toBe('network');
  expect(settings.view.current.consented).toEqual([entry.name]);
  state.change({ jobsDone: 7, tokensOut: 160, tokensIn: 70 });
  expect(sharing.view.current).toMatchObject({ phase: 'sharing', jobsDone: 2, tokensOut: 60, tokensIn: 20 });
});

test('a pause leaves this device its own answers; every reason has to go before it is over', async () => {
  const { sharing, audience } = await desk();
  await sharing.start(entry.name);
  sharing.hold('battery', 'on');
  sharing.hold('metered', 'on');
  expect(audience()).toBe('self');
  expect(sharing.view.current).toMatchObject({ phase: 'paused', why: 'battery' });
  sharing.hold('battery', 'off');
  expect(sharing.view.current).toMatchObject({ phase: 'paused', why: 'metered' });
  sharing.hold('metered', 'off');
  expect([sharing.view.current.phase, audience()]).toEqual(['sharing', 'network']);
});

test('a device on battery begins paused', async () => {
  const { sharing, audience } = await desk();
  sharing.hold('battery', 'on');
  expect(sharing.view.current.phase).toBe('off');
  await sharing.start(entry.name);
  expect([sharing.view.current.phase, audience()]).toEqual(['paused', 'self']);
});

test('finishing takes nothing new and stops by itself once nothing runs', async () => {
  const { sharing, state, audience, library } = await desk();
  await sharing.start(entry.name);
  state.change({ running: 1 });
  await sharing.stop('finish');
  expect([sharing.view.current.phase, audience()]).toEqual(['finishing', 'self']);
  state.change({ running: 0 });
  await expect.poll(() => library.loaded).toBeUndefined();
  expect(sharing.view.current.phase).toBe('off');
});

test('stopping now cuts off what runs and frees a model that was loaded for it', async () => {
  const { sharing, state, provider, library } = await desk();
  await sharing.start(entry.name);
  state.change({ running: 1 });
  await sharing.stop('now');
  expect(provider.stop).toHaveBeenCalledOnce();
  expect(provider.start).toHaveBeenCalledOnce();
  expect(library.loaded).toBeUndefined();
  expect(sharing.view.current.phase).toBe('off');
});

test('a model that was loaded before stays when lending stops', async () => {
  const { sharing, library, audience, provider } = await desk();
  await library.load(entry.name);
  await sharing.start(entry.name);
  await sharing.stop('now');
  expect(library.loaded).toBeDefined();
  expect(audience()).toBe('self');
  expect(provider.stop).not.toHaveBeenCalled();
});

test('without the device’s key nothing is lent; when the key leaves, lending ends', async () => {
  const { sharing } = await desk();
  await sharing.start(entry.name);
  const guest = fakeProvider();
  sharing.serveWith(guest.provider, 'self');
  expect(sharing.view.current).toMatchObject({ phase: 'off', why: 'guest' });
  await expect(sharing.start(entry.name)).rejects.toMatchObject({ code: 'identity-elsewhere' });
});

test('a load that fails is shown with its code; one that was stopped is not', async () => {
  const { sharing, failure } = await desk();
  failure.next = new TabloomError('quota-exceeded', 'Full.');
  await expect(sharing.start(entry.name)).rejects.toMatchObject({ code: 'quota-exceeded' });
  expect(sharing.view.current).toMatchObject({ phase: 'failed', error: { code: 'quota-exceeded' } });
  failure.next = new TabloomError('aborted', 'Stopped.');
  await expect(sharing.start(entry.name)).rejects.toMatchObject({ code: 'aborted' });
  expect(sharing.view.current).toMatchObject({ phase: 'off', error: undefined });
});

test('a model that is lost is loaded once more, and lending goes on from where it was', async () => {
  const { sharing, lose, audience, state, clock } = await desk();
  await sharing.start(entry.name);
  const { startedAt } = sharing.view.current;
  state.change({ jobsDone: 7 });
  await clock.advance(1_000);
  lose();
  expect(sharing.view.current).toMatchObject({ phase: 'loading', error: { code: 'device-lost' } });
  await expect.poll(() => sharing.view.current.phase).toBe('sharing');
  expect(sharing.view.current).toMatchObject({ startedAt, jobsDone: 2, error: undefined });
  expect(audience()).toBe('network');
});

test('lost again soon after, it says so and waits for the person; later it is loaded again', async () => {
  const { sharing, lose, clock } = await desk();
  await sharing.start(entry.name);
  lose();
  await expect.poll(() => sharing.view.current.phase).toBe('sharing');
  await clock.advance(9 * 60_000);
  lose('Gone again.');
  expect(sharing.view.current).toMatchObject({
    phase: 'failed',
    error: { code: 'device-lost', message: 'Gone again.' },
  });
  await sharing.start(entry.name);
  expect(sharing.view.current).toMatchObject({ phase: 'sharing', error: undefined });
  await clock.advance(60_000);
  lose();
  expect(sharing.view.current.phase).toBe('loading');
});

test('a model that is lost and cannot be loaded again ends lending with the reason', async () => {
  const { sharing, lose, failure } = await desk();
  await sharing.start(entry.name);
  failure.next = new TabloomError('no-webgpu', 'The GPU is away.');
  lose();
  await expect.poll(() => sharing.view.current.phase).toBe('failed');
  expect(sharing.view.current).toMatchObject({ startedAt: undefined, error: { code: 'no-webgpu' } });
});

test('a loss outside of lending is no matter of lending', async () => {
  const { sharing, library, lose } = await desk();
  await library.load(entry.name);
  lose();
  expect(sharing.view.current).toMatchObject({ phase: 'off', error: undefined });
});

test('an end that the person did not bring about says why, and the next start forgets it', async () => {
  const { sharing, state, library, money } = await desk();
  await sharing.start(entry.name);
  state.change({ running: 1 });
  expect(money.entrusted).toBe(0);
  await sharing.stop('finish', 'hours');
  expect(money.entrusted).toBe(1);
  state.change({ running: 0 });
  expect(sharing.view.current).toMatchObject({ phase: 'off', why: 'hours' });
  await sharing.start(entry.name);
  expect(sharing.view.current.why).toBeUndefined();
  await library.unload();
  expect(sharing.view.current).toMatchObject({ phase: 'off', why: 'unloaded' });
  await sharing.start(entry.name);
  await sharing.stop('now');
  expect(sharing.view.current).toMatchObject({ phase: 'off', why: undefined });
});

const never = new Promise<void>(() => undefined);

test('D9: a stop during the benchmark is a stop: nothing is announced, and the model that came for it goes', async () => {
  const { sharing, bench, audience, library } = await desk();
  bench.slow = never;
  const starting = sharing.start(entry.name);
  await expect.poll(() => sharing.view.current.phase).toBe('measuring');
  await Promise.all([expect(starting).rejects.toMatchObject({ code: 'aborted' }), sharing.stop('now')]);
  expect(sharing.view.current).toMatchObject({ phase: 'off', error: undefined });
  expect([library.loaded, audience()]).toEqual([undefined, undefined]);
});

test('D9: a stop while the model loads leaves the load; another start can follow at once', async () => {
  const { sharing, failure, audience } = await desk();
  failure.slow = never;
  const starting = sharing.start(entry.name);
  await Promise.all([expect(starting).rejects.toMatchObject({ code: 'aborted' }), sharing.stop('finish')]);
  expect(sharing.view.current.phase).toBe('off');
  failure.slow = undefined;
  await sharing.start(entry.name);
  expect([sharing.view.current.phase, audience()]).toEqual(['sharing', 'network']);
});

test('D9: the key that goes to another tab during the benchmark ends it: a guest announces nothing', async () => {
  const { sharing, bench } = await desk();
  const measured = Promise.withResolvers<void>();
  bench.slow = measured.promise;
  const starting = sharing.start(entry.name);
  await expect.poll(() => sharing.view.current.phase).toBe('measuring');
  const guest = fakeProvider();
  const failed = expect(starting).rejects.toMatchObject({ code: 'aborted' });
  sharing.serveWith(guest.provider, 'self');
  measured.resolve();
  await failed;
  expect(sharing.view.current).toMatchObject({ phase: 'off', why: 'guest' });
  expect(guest.audience()).not.toBe('network');
});

test('a second start while the first is under way is refused with a code, and harms nothing', async () => {
  const { sharing, bench, audience } = await desk();
  const measured = Promise.withResolvers<void>();
  bench.slow = measured.promise;
  const first = sharing.start(entry.name);
  await expect(sharing.start(entry.name)).rejects.toMatchObject({ code: 'already-sharing' });
  measured.resolve();
  await first;
  await expect(sharing.start(entry.name)).rejects.toMatchObject({ code: 'already-sharing' });
  expect([sharing.view.current.phase, audience()]).toEqual(['sharing', 'network']);
});

test('a quick Cancel keeps the model that was loaded already', async () => {
  const { sharing, bench, library, audience } = await desk();
  await library.load(entry.name);
  bench.slow = never;
  const starting = sharing.start(entry.name);
  await expect.poll(() => sharing.view.current.phase).toBe('measuring');
  await Promise.all([expect(starting).rejects.toMatchObject({ code: 'aborted' }), sharing.stop('now')]);
  expect([library.loaded?.model.name, audience()]).toEqual([entry.name, 'self']);
});

test('D14: a device too slow for the askers’ patience is not offered, says why, and still answers itself', async () => {
  const { sharing, bench, library, audience } = await desk();
  bench.result = { kind: 'too-slow', error: { code: 'too-slow', message: 'Too slow.' } };
  await expect(sharing.start(entry.name)).rejects.toMatchObject({ code: 'too-slow' });
  expect(sharing.view.current).toMatchObject({ phase: 'failed', error: { code: 'too-slow' } });
  expect([library.loaded?.model.name, audience()]).toEqual([entry.name, 'self']);
});

test('the meter counts on when the same provider is named again', async () => {
  const { sharing, state, provider } = await desk();
  await sharing.start(entry.name);
  state.change({ jobsDone: 7 });
  sharing.serveWith(provider, 'network');
  state.change({ jobsDone: 8 });
  expect(sharing.view.current.jobsDone).toBe(3);
  const next = fakeProvider();
  sharing.serveWith(next.provider, 'network');
  next.state.change({ jobsDone: 6 });
  expect(sharing.view.current.jobsDone).toBe(4);
});

test('a model is shared for its price, and a new price holds at once', async () => {
  const { sharing, settings, money, prices, audience } = await desk();
  money.price = { in: '1', out: '2' };
  await sharing.start(entry.name);
  expect([audience(), prices.at(-1)]).toEqual(['network', { in: '1', out: '2' }]);
  money.price = { in: '3', out: '4' };
  await sharing.setPrices({ '*': money.price });
  expect([audience(), prices.at(-1)]).toEqual(['network', { in: '3', out: '4' }]);
  expect(settings.view.current.prices).toEqual({ '*': { in: '3', out: '4' } });
});

test('a model with a price and nowhere to be paid is neither shared nor given away', async () => {
  const { sharing, money, prices, audience, settings } = await desk();
  money.failure = new TabloomError('no-account', 'Choose a wallet.');
  await expect(sharing.start(entry.name)).rejects.toMatchObject({ code: 'no-account' });
  await expect(sharing.setPrices({ '*': { in: '1', out: '1' } })).rejects.toMatchObject({ code: 'no-account' });
  expect(settings.view.current.prices).toEqual({});
  money.failure = undefined;
  await sharing.start(entry.name);
  money.price = 'closed';
  sharing.pause();
  sharing.resume();
  expect([audience(), prices.at(-1)]).toEqual(['self', undefined]);
});

test('the browser’s own model answers this device alone, even where sharing has begun with it', async () => {
  const { sharing, audience, money, prices } = await desk('prompt-api');
  money.price = { in: '5', out: '5' };
  await sharing.start(entry.name);
  expect(audience()).toBe('self');
  expect(prices.every((price) => price === undefined)).toBe(true);
});
