import { expect, test, vi } from 'vitest';
import { manualClock } from '#lib/base/clock.ts';
import { scriptedModel } from '#lib/engine/catalog.ts';
import { createScriptedEngine } from '#lib/engine/scripted.ts';
import type { LoadedModel } from '#lib/engine/spec.ts';
import type { Audience, Provider, ProviderState } from '#lib/peer/spec.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { createEmitter } from '#lib/base/emitter.ts';
import type { Library, ModelLoss } from './library.ts';
import { createLive } from './live.ts';
import { keepSettings } from './settings.ts';
import { createSharing } from './sharing.ts';

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
  const provider = {
    get state() {
      return state.current;
    },
    onState: state.listen,
    shelf: () => undefined,
    offerModel: (model: LoadedModel, { audience = 'network' }: { audience?: Audience | undefined } = {}) =>
      state.change({ models: [{ artefact: model.model.artefact, name: model.model.name, audience }] }),
    withdrawModel: () => state.change({ models: [] }),
    pause: () => undefined,
    resume: () => undefined,
    drain: async () => undefined,
    start: vi.fn(async () => undefined),
    stop: vi.fn(async () => undefined),
  } satisfies Provider;
  return { provider, state, audience: () => state.current.models[0]?.audience };
}

async function desk() {
  const clock = manualClock();
  const loadedLive = createLive<LoadedModel | undefined>(undefined);
  const losses = createEmitter<ModelLoss>();
  const failure: { next: TabloomError | undefined } = { next: undefined };
  const model = await createScriptedEngine({ clock, tokensPerSecond: 0 }).load(entry, {});
  const library = {
    get loaded() {
      return loadedLive.current;
    },
    load: async () => {
      await Promise.resolve();
      if (failure.next) throw failure.next;
      loadedLive.set(model);
      return model;
    },
    unload: async () => loadedLive.set(undefined),
    cancelLoad: vi.fn(),
    onLoaded: loadedLive.listen,
    onLost: losses.listen,
  } as unknown as Library;
  /** As the library does when a worker dies. */
  const lose = (message = 'Gone.') => {
    losses.emit({ model: entry.name, error: { code: 'device-lost', message } });
    loadedLive.set(undefined);
  };
  const settings = await keepSettings(createMemoryStorage());
  const sharing = createSharing({ library, settings, clock, benchmark: async () => undefined, wasDiscarded: false });
  const served = fakeProvider();
  sharing.serveWith(served.provider, 'network');
  return { clock, library, settings, sharing, failure, lose, ...served };
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
  await vi.waitFor(() => expect(library.loaded).toBeUndefined());
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
  await vi.waitFor(() => expect(sharing.view.current.phase).toBe('sharing'));
  expect(sharing.view.current).toMatchObject({ startedAt, jobsDone: 2, error: undefined });
  expect(audience()).toBe('network');
});

test('lost again soon after, it says so and waits for the person; later it is loaded again', async () => {
  const { sharing, lose, clock } = await desk();
  await sharing.start(entry.name);
  lose();
  await vi.waitFor(() => expect(sharing.view.current.phase).toBe('sharing'));
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
  await vi.waitFor(() => expect(sharing.view.current.phase).toBe('failed'));
  expect(sharing.view.current).toMatchObject({ startedAt: undefined, error: { code: 'no-webgpu' } });
});

test('a loss outside of lending is no matter of lending', async () => {
  const { sharing, library, lose } = await desk();
  await library.load(entry.name);
  lose();
  expect(sharing.view.current).toMatchObject({ phase: 'off', error: undefined });
});

test('an end that the person did not bring about says why, and the next start forgets it', async () => {
  const { sharing, state, library } = await desk();
  await sharing.start(entry.name);
  state.change({ running: 1 });
  await sharing.stop('finish', 'hours');
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
