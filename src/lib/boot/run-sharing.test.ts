import { expect, test, vi } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { scriptedModel } from '#lib/engine/catalog.ts';
import { createScriptedEngine } from '#lib/engine/scripted.ts';
import type { LoadedModel } from '#lib/engine/spec.ts';
import { noWork } from '#lib/peer/serve/no-work.ts';
import type { ModelWork, OfferModelOptions, Provider, ProviderState } from '#lib/peer/spec.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { raceSignal, type AbortOptions } from '#lib/base/abort.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { createEmitter } from '#lib/base/emitter.ts';
import { createMutex } from '#lib/base/mutex.ts';
import type { Library } from './library.ts';
import type { MemoryChange, ModelLoss } from './model-memory.ts';
import { createLive } from '#lib/base/live.ts';
import { keepSettings } from './settings.ts';
import type { Benchmark } from './benchmark.ts';
import { createSharing } from './run-sharing.ts';
import type { Earner } from './wallet.ts';

const entry = scriptedModel(100);
const second = scriptedModel(50);

/** A provider that only remembers for whom it serves. */
function fakeProvider() {
  const works = new Map<string, ModelWork>([
    [entry.artefact, { ...noWork, jobsDone: 5, tokensOut: 100, tokensIn: 50 }],
  ]);
  const state = createLive<ProviderState>({ phase: 'serving', models: [], ...noWork });
  const prices: OfferModelOptions['price'][] = [];
  const fullPrices: OfferModelOptions['priceFull'][] = [];
  const workOf = (artefact: string) => works.get(artefact) ?? noWork;
  const slots = createMutex();
  const provider = {
    get state() {
      return state.current;
    },
    onState: state.listen,
    servedModels: () => undefined,
    scorer: { has: () => false, score: async () => undefined },
    offerModel: (model: LoadedModel, { audience = 'network', price, priceFull }: OfferModelOptions = {}) => {
      prices.push(price);
      fullPrices.push(priceFull);
      const { artefact, name } = model.model;
      const others = state.current.models.filter((other) => other.artefact !== artefact);
      state.change({ models: [...others, { artefact, name, audience }] });
    },
    withdrawModel: (artefact: string) =>
      state.change({ models: state.current.models.filter((model) => model.artefact !== artefact) }),
    work: workOf,
    dismiss: vi.fn(async () => undefined),
    withSlot: <T>(work: () => Promise<T>) => slots.run(work),
    pause: () => undefined,
    resume: () => undefined,
    drain: async () => undefined,
    abandon: () => undefined,
    start: async () => undefined,
    stop: vi.fn(async () => undefined),
  } satisfies Provider;
  /** As the provider does when it has worked on a model. */
  const work = (change: Partial<ModelWork>, { artefact } = entry) => {
    works.set(artefact, { ...workOf(artefact), ...change });
    state.change({});
  };
  const audience = ({ artefact } = entry) =>
    state.current.models.find((model) => model.artefact === artefact)?.audience;
  return { provider, state, prices, fullPrices, work, audience };
}

async function desk(engine = 'scripted') {
  const clock = manualClock();
  const models = new Map<string, LoadedModel>();
  const changes = createEmitter<MemoryChange>();
  const losses = createEmitter<ModelLoss>();
  const failure: { next: TabloomError | undefined; slow: Promise<void> | undefined } = {
    next: undefined,
    slow: undefined,
  };
  /** What the benchmark says, and when. */
  const bench = {
    result: { kind: 'measured', measured: undefined } as Benchmark,
    slow: Promise.resolve(),
    at: 0,
    most: 0,
  };
  const drop = (name: string) => {
    const model = models.get(name);
    models.delete(name);
    if (model) changes.emit({ type: 'unloaded', model });
  };
  const library = {
    view: createLive({ models: [] }),
    get: (name: string) => models.get(name),
    all: () => [...models.values()],
    load: async (name: string, { signal }: AbortOptions = {}) => {
      await raceSignal(failure.slow ?? Promise.resolve(), signal);
      if (failure.next) throw failure.next;
      const known = models.get(name);
      if (known) return known;
      const scripted = await createScriptedEngine({ clock, tokensPerSecond: 0 }).load(
        name === entry.name ? entry : second,
        {},
      );
      const model: LoadedModel = { ...scripted, engine: { ...scripted.engine, name: engine } };
      models.set(name, model);
      changes.emit({ type: 'loaded', model });
      return model;
    },
    unload: async (name: string) => drop(name),
    onChange: changes.listen,
    onLost: losses.listen,
  } as unknown as Library;
  /** As the library does when a worker dies. */
  const lose = (message = 'Gone.') => {
    losses.emit({ model: entry.name, error: { code: 'device-lost', message } });
    drop(entry.name);
  };
  const settings = await keepSettings(createMemoryStorage());
  const benchmark = async (_: LoadedModel, { signal }: { readonly signal: AbortSignal }) => {
    bench.most = Math.max(bench.most, ++bench.at);
    try {
      await raceSignal(bench.slow, signal);
      return bench.result;
    } finally {
      bench.at -= 1;
    }
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
  const { sharing, settings, audience, work } = await desk();
  await sharing.start(entry.name);
  expect(audience()).toBe('network');
  expect(settings.view.current.consented).toEqual([entry.name]);
  work({ jobsDone: 7, tokensOut: 160, tokensIn: 70 });
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
  const { sharing, work, audience, library } = await desk();
  await sharing.start(entry.name);
  work({ running: 1 });
  await sharing.stop('finish');
  expect([sharing.view.current.phase, audience()]).toEqual(['finishing', 'self']);
  work({ running: 0 });
  await expect.poll(() => library.get(entry.name)).toBeUndefined();
  expect(sharing.view.current.phase).toBe('off');
});

test('stopping now cuts off what runs and frees a model that was loaded for it', async () => {
  const { sharing, work, provider, library } = await desk();
  await sharing.start(entry.name);
  work({ running: 1 });
  await sharing.stop('now');
  expect(provider.dismiss.mock.calls).toEqual([[entry.artefact]]);
  expect(library.get(entry.name)).toBeUndefined();
  expect(sharing.view.current.phase).toBe('off');
});

test('a model that was loaded before stays when lending stops', async () => {
  const { sharing, library, audience, provider } = await desk();
  await library.load(entry.name);
  await sharing.start(entry.name);
  await sharing.stop('now');
  expect(library.get(entry.name)).toBeDefined();
  expect(audience()).toBe('self');
  expect(provider.dismiss).not.toHaveBeenCalled();
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
  const { sharing, lose, audience, work, clock } = await desk();
  await sharing.start(entry.name);
  const { startedAt } = sharing.view.current;
  work({ jobsDone: 7 });
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
  const { sharing, work, library, money } = await desk();
  await sharing.start(entry.name);
  work({ running: 1 });
  expect(money.entrusted).toBe(0);
  await sharing.stop('finish', { why: 'hours' });
  expect(money.entrusted).toBe(1);
  work({ running: 0 });
  expect(sharing.view.current).toMatchObject({ phase: 'off', why: 'hours' });
  await sharing.start(entry.name);
  expect(sharing.view.current.why).toBeUndefined();
  await library.unload(entry.name);
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
  expect([library.get(entry.name), audience()]).toEqual([undefined, undefined]);
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
  expect([library.get(entry.name)?.model.name, audience()]).toEqual([entry.name, 'self']);
});

test('D14: a device too slow for the askers’ patience is not offered, says why, and still answers itself', async () => {
  const { sharing, bench, library, audience } = await desk();
  bench.result = { kind: 'too-slow', error: { code: 'too-slow', message: 'Too slow.' } };
  await expect(sharing.start(entry.name)).rejects.toMatchObject({ code: 'too-slow' });
  expect(sharing.view.current).toMatchObject({ phase: 'failed', error: { code: 'too-slow' } });
  expect([library.get(entry.name)?.model.name, audience()]).toEqual([entry.name, 'self']);
});

test('the meter counts on when the same provider is named again', async () => {
  const { sharing, work, provider } = await desk();
  await sharing.start(entry.name);
  work({ jobsDone: 7 });
  sharing.serveWith(provider, 'network');
  work({ jobsDone: 8 });
  expect(sharing.view.current.jobsDone).toBe(3);
  const next = fakeProvider();
  sharing.serveWith(next.provider, 'network');
  next.work({ jobsDone: 6 });
  expect(sharing.view.current.jobsDone).toBe(4);
});

test('a model is shared for its price, and a new price holds at once', async () => {
  const { sharing, settings, money, prices, fullPrices, audience } = await desk();
  money.price = { in: '1', out: '2' };
  await sharing.start(entry.name);
  expect([audience(), prices.at(-1)]).toEqual(['network', { in: '1', out: '2' }]);
  money.price = { in: '3', out: '4' };
  await sharing.setPrices({ '*': money.price });
  expect([audience(), prices.at(-1)]).toEqual(['network', { in: '3', out: '4' }]);
  expect(settings.view.current.prices).toEqual({ '*': { in: '3', out: '4' } });
  money.price = { in: '3', out: '4', full: { in: '3', out: '8' } };
  await sharing.setPrices({ '*': money.price });
  expect([prices.at(-1), fullPrices.at(-1)]).toEqual([
    { in: '3', out: '4' },
    { in: '3', out: '8' },
  ]);
  expect(settings.view.current.prices).toEqual({ '*': money.price });
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

test('two models are shared from one tab, each with its own counts, and one is stopped without the other', async () => {
  const { sharing, settings, work, audience, library, provider } = await desk();
  await sharing.start(entry.name);
  await sharing.start(second.name);
  expect([audience(), audience(second), settings.view.current.shared]).toEqual([
    'network',
    'network',
    [entry.name, second.name],
  ]);
  work({ jobsDone: 6, tokensOut: 110 });
  work({ running: 1, jobsDone: 2, tokensOut: 30 }, second);
  expect(sharing.view.current).toMatchObject({
    phase: 'sharing',
    running: 1,
    jobsDone: 3,
    tokensOut: 40,
    models: [
      { model: entry.name, phase: 'sharing', running: 0, jobsDone: 1, tokensOut: 10 },
      { model: second.name, phase: 'sharing', running: 1, jobsDone: 2, tokensOut: 30 },
    ],
  });
  await sharing.stop('now', { model: second.name });
  expect(provider.dismiss.mock.calls).toEqual([[second.artefact]]);
  expect([audience(), audience(second), library.get(second.name)]).toEqual(['network', undefined, undefined]);
  expect(sharing.view.current.models).toMatchObject([{ model: entry.name, phase: 'sharing', jobsDone: 1 }]);
  expect(settings.view.current.shared).toEqual([entry.name]);
});

test('a stop ends all of them at once, also those on their way, and keeps in mind which they were', async () => {
  const { sharing, settings, bench, audience } = await desk();
  await sharing.start(entry.name);
  bench.slow = never;
  const starting = sharing.start(second.name);
  const refused = expect(starting).rejects.toMatchObject({ code: 'aborted' });
  await expect.poll(() => sharing.view.current.models.map(({ phase }) => phase)).toEqual(['sharing', 'measuring']);
  expect([sharing.isUsing(entry.name), sharing.isUsing(second.name)]).toEqual([true, true]);
  await sharing.stop('now');
  await refused;
  expect(sharing.view.current).toMatchObject({ phase: 'off', models: [] });
  expect([audience(), audience(second), sharing.isUsing(entry.name)]).toEqual([undefined, undefined, false]);
  expect(settings.view.current.shared).toEqual([entry.name]);
});

test('what holds the device holds all its models, and those that come while it does', async () => {
  const { sharing, audience } = await desk();
  await sharing.start(entry.name);
  sharing.hold('battery', 'on');
  await sharing.start(second.name);
  expect(sharing.view.current).toMatchObject({ phase: 'paused', why: 'battery' });
  expect([audience(), audience(second)]).toEqual(['self', 'self']);
  sharing.resume();
  expect([audience(), audience(second), sharing.view.current.phase]).toEqual(['network', 'network', 'sharing']);
});

test('two that are started at once are measured one after the other', async () => {
  const { sharing, bench } = await desk();
  await Promise.all([sharing.start(entry.name), sharing.start(second.name)]);
  expect([bench.most, sharing.view.current.models.length]).toEqual([1, 2]);
});

test('a model that is lost is loaded again while the other is shared on', async () => {
  const { sharing, failure, lose, audience } = await desk();
  await sharing.start(entry.name);
  await sharing.start(second.name);
  failure.next = new TabloomError('no-webgpu', 'The GPU is away.');
  lose();
  await expect.poll(() => sharing.view.current.models.map(({ phase }) => phase)).toEqual(['failed', 'sharing']);
  expect(sharing.view.current).toMatchObject({ phase: 'sharing', error: undefined });
  expect([audience(), audience(second)]).toEqual([undefined, 'network']);
});
