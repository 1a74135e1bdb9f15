import { browserModel } from '#lib/engine/prompt-api.ts';
import { expect, test } from 'vitest';
import { TabloomError } from '#lib/base/errors.ts';
import { demoModel } from '#lib/engine/catalog.ts';
import type { Engine, LoadedModel, LoadOptions, ModelEntry } from '#lib/engine/spec.ts';
import { loadOf } from '#lib/state/load-of.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import type { ClaimedModel } from './memory-claims.ts';
import { createLibrary, type LibraryComponents } from './library.ts';

const info = { name: 'wllama', build: '1', deviceClass: 'wasm-cpu' };

/** Engines whose loads end when the test says so. */
function slowEngines() {
  const loads: { readonly model: ModelEntry; readonly finish: () => void; readonly fail: (error: Error) => void }[] =
    [];
  const unloaded: string[] = [];
  /** Every answer ends then, with nothing. */
  const answering = Promise.withResolvers<void>();
  const losses: AbortController[] = [];
  const engines: { closed: boolean }[] = [];
  const create = (): Engine => {
    const state = { closed: false };
    engines.push(state);
    return {
      info,
      close: async () => {
        state.closed = true;
      },
      load: (model, { signal, onProgress }: LoadOptions) =>
        new Promise<LoadedModel>((resolve, reject) => {
          onProgress?.({ phase: 'download', loadedBytes: 1, totalBytes: 4, elapsedMs: 1, fromCache: false });
          signal?.addEventListener('abort', () => reject(new TabloomError('aborted', 'Stopped.')));
          const lost = new AbortController();
          losses.push(lost);
          const loaded = {
            model,
            engine: info,
            contextTokens: 512,
            slots: 1,
            lost: lost.signal,
            unload: async () => void unloaded.push(model.name),
            async *doStream() {
              await answering.promise;
              yield* [];
            },
          } as unknown as LoadedModel;
          loads.push({ model, finish: () => resolve(loaded), fail: reject });
        }),
    };
  };
  const lose = (index: number) => losses[index]!.abort(new TabloomError('device-lost', 'Gone.'));
  return { create, engines, loads, unloaded, lose, answering };
}

async function desk(change: Partial<LibraryComponents> = {}) {
  const slow = slowEngines();
  const stored = new Map([[demoModel.name, 100]]);
  const storage = createMemoryStorage();
  const components: LibraryComponents = {
    storage,
    stored: (models) => ({
      list: async () =>
        models.flatMap((model) =>
          stored.has(model.name) ? [{ model, storedBytes: stored.get(model.name)!, complete: undefined }] : [],
        ),
      delete: async ({ name }) => void stored.delete(name),
    }),
    engines: new Map([
      ['wllama', () => slow.create()],
      ['webllm', () => slow.create()],
    ]),
    examine: async () => ({
      device: {
        webgpu: 'available',
        f16: true,
        vendor: 'x',
        maxBufferBytes: 1e9,
        obstacle: undefined,
        memoryBytes: undefined,
      },
      page: { phone: false, roomBytes: undefined },
    }),
    downloadBytes: async () => undefined,
    memoryBytesMax: () => 0,
    isKept: () => false,
    beforeLoad: async () => undefined,
    ...change,
  };
  return { library: await createLibrary(components), components, stored, ...slow };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('a load shows its progress and ends loaded; loading it again is the same model', async () => {
  const { library, loads } = await desk();
  const loading = library.load(demoModel.name);
  await turn();
  expect(loadOf(library.view.current, demoModel.name)).toMatchObject({
    phase: 'download',
    loadedBytes: 1,
    totalBytes: 4,
  });
  loads[0]!.finish();
  const model = await loading;
  expect(library.view.current).toMatchObject({ loaded: [demoModel.name], loads: [] });
  expect(await library.load(demoModel.name)).toBe(model);
  expect(loads).toHaveLength(1);
});

test('two who want the same model share one load', async () => {
  const { library, loads } = await desk();
  const both = [library.load(demoModel.name), library.load(demoModel.name)];
  await turn();
  loads[0]!.finish();
  const [one, other] = await Promise.all(both);
  expect(one).toBe(other);
  expect(loads).toHaveLength(1);
});

test('a load can be cancelled and leaves nothing on screen', async () => {
  const { library } = await desk();
  const loading = library.load(demoModel.name);
  await turn();
  library.cancelLoad(demoModel.name);
  await expect(loading).rejects.toMatchObject({ code: 'aborted' });
  expect(library.view.current).toMatchObject({ loads: [], loaded: [] });
});

test('two models load at once and stay beside each other, each in an engine of its own', async () => {
  const { library, loads, engines, unloaded } = await desk();
  await library.refresh();
  const other = library.view.current.models.find(({ engine }) => engine === 'webllm')!.name;
  const both = [library.load(demoModel.name), library.load(other)];
  await turn();
  expect(library.view.current.loads.map(({ model }) => model)).toEqual([demoModel.name, other]);
  loads[1]!.finish();
  loads[0]!.finish();
  await Promise.all(both);
  expect([library.view.current.loaded, engines.length, unloaded]).toEqual([[demoModel.name, other], 2, []]);
  await library.unload(other);
  expect([library.view.current.loaded, unloaded, engines.map(({ closed }) => closed)]).toEqual([
    [demoModel.name],
    [other],
    [false, true],
  ]);
});

test('a failure is shown with its code, and the next try begins clean', async () => {
  const { library, loads } = await desk();
  const loading = library.load(demoModel.name);
  await turn();
  loads[0]!.fail(new TabloomError('model-corrupt', 'Cut short.'));
  await expect(loading).rejects.toMatchObject({ code: 'model-corrupt' });
  expect(loadOf(library.view.current, demoModel.name)).toMatchObject({
    phase: 'failed',
    error: { code: 'model-corrupt' },
  });
  void library.load(demoModel.name).catch(() => undefined);
  await turn();
  expect(loadOf(library.view.current, demoModel.name)).toMatchObject({ phase: 'download', error: undefined });
});

test('files are deleted, but not those of a model in use', async () => {
  const { library, loads, stored } = await desk();
  const loading = library.load(demoModel.name);
  await turn();
  await expect(library.remove(demoModel.name)).rejects.toMatchObject({ code: 'model-in-use' });
  loads[0]!.finish();
  await loading;
  await expect(library.remove(demoModel.name)).rejects.toMatchObject({ code: 'model-in-use' });
  await library.unload(demoModel.name);
  await library.remove(demoModel.name);
  expect(stored.size).toBe(0);
});

test('one of the two builds of a model is listed, by the device', async () => {
  const { library } = await desk();
  await library.refresh();
  const names = library.view.current.models.map(({ name }) => name);
  expect(names).toContain(demoModel.name);
  expect(names.filter((name) => name.includes('f32'))).toEqual([]);
});

test('an own model is kept over a reload, and a bad one is refused with a code', async () => {
  const { library, components, stored } = await desk();
  const own = {
    format: 'mlc' as const,
    name: 'mine',
    weightsUrl: 'https://example.org/weights/',
    libraryUrl: 'https://example.org/lib.wasm',
    contextTokens: 4_096,
    memoryBytes: 1e9,
  };
  await library.addOwn(own);
  await expect(library.addOwn(own)).rejects.toMatchObject({ code: 'model-name-taken' });
  await expect(library.addOwn({ ...own, name: 'bad', weightsUrl: 'ftp://x' })).rejects.toMatchObject({
    code: 'bad-model',
  });
  const again = await createLibrary(components);
  await again.refresh();
  expect(again.view.current.models.find(({ name }) => name === 'mine')).toMatchObject({ own: true, engine: 'webllm' });
  stored.set('mine', 5);
  await again.forgetOwn('mine');
  expect(stored.has('mine')).toBe(false);
  expect(again.view.current.models.some(({ name }) => name === 'mine')).toBe(false);
});

test('a model nobody knows', async () => {
  const { library } = await desk();
  await expect(library.load('nothing')).rejects.toMatchObject({ code: 'model-unknown' });
});

test('a model whose worker dies while nothing runs is loaded no more, and says why', async () => {
  const { library, loads, lose } = await desk();
  const heard: unknown[] = [];
  library.onLost(({ model, error }) => heard.push([model, error.code]));
  library.onChange(({ type, model }) => heard.push([type, model.model.name]));
  const loading = library.load(demoModel.name);
  await turn();
  loads[0]!.finish();
  await loading;
  lose(0);
  expect(heard).toEqual([
    ['loaded', demoModel.name],
    [demoModel.name, 'device-lost'],
    ['unloaded', demoModel.name],
  ]);
  expect(library.view.current).toMatchObject({
    loaded: [],
    loads: [{ model: demoModel.name, phase: 'failed', error: { code: 'device-lost', message: 'Gone.' } }],
  });
});

test('a model said to be broken is unloaded, another one is left alone', async () => {
  const { library, loads, unloaded } = await desk();
  const loading = library.load(demoModel.name);
  await turn();
  loads[0]!.finish();
  await loading;
  library.lose('f'.repeat(64), new TabloomError('engine-failed', 'No.'));
  expect(library.view.current.loaded).toEqual([demoModel.name]);
  library.lose(demoModel.artefact, new TabloomError('engine-failed', 'No.'));
  expect([library.view.current.loaded, unloaded]).toEqual([[], [demoModel.name]]);
});

test('a load says its size before the first byte comes', async () => {
  const waiting = Promise.withResolvers<void>();
  const { library } = await desk({ beforeLoad: () => waiting.promise });
  void library.load(demoModel.name).catch(() => undefined);
  expect(loadOf(library.view.current, demoModel.name)).toMatchObject({
    model: demoModel.name,
    loadedBytes: 0,
    totalBytes: demoModel.sizeBytes,
  });
});

/** How much the demo model takes, and one of WebLLM that is listed here. */
async function tight(change: Partial<LibraryComponents> = {}) {
  const own = await desk(change);
  await own.library.refresh();
  const [big, next] = own.library.view.current.models.filter(({ engine }) => engine === 'webllm');
  const load = async (name: string) => {
    const loading = own.library.load(name);
    loading.catch(() => undefined);
    await turn();
    await turn();
    own.loads.at(-1)!.finish();
    return loading;
  };
  return { ...own, big: big!, next: next!, load };
}

test('a load that would pass the budget takes the place of what was used least recently', async () => {
  let max = 0;
  const { library, load, big, next, unloaded } = await tight({ memoryBytesMax: () => max });
  max = big.memoryBytes + next.memoryBytes;
  await load(big.name);
  await load(demoModel.name).catch(() => undefined);
  // Asked for again: now the other one was used before.
  await library.load(big.name);
  max = big.memoryBytes + next.memoryBytes;
  await load(next.name);
  expect([library.view.current.loaded, unloaded]).toEqual([[next.name, big.name], [demoModel.name]]);
});

test('a model that answers, or is shared, makes no room: the load is refused, and nothing is lost', async () => {
  const kept = new Set<string>();
  const max = { bytes: 0 };
  const { library, load, loads, big, next, unloaded, answering } = await tight({
    memoryBytesMax: () => max.bytes,
    isKept: (name) => kept.has(name),
  });
  max.bytes = next.memoryBytes;
  const model = await load(big.name);
  kept.add(big.name);
  await expect(library.load(next.name)).rejects.toMatchObject({ code: 'memory-full', details: { inUse: [big.name] } });
  expect(loadOf(library.view.current, next.name)).toMatchObject({ phase: 'failed', error: { code: 'memory-full' } });
  kept.clear();
  const answer = model.doStream({} as never, {});
  const ended = answer[Symbol.asyncIterator]().next();
  await expect(library.load(next.name)).rejects.toMatchObject({ code: 'memory-full' });
  expect([loads.length, unloaded]).toEqual([1, []]);
  answering.resolve();
  await ended;
  await load(next.name);
  expect([library.view.current.loaded, unloaded]).toEqual([[next.name], [big.name]]);
});

test('a model larger than the budget is loaded all the same where nothing else is in use', async () => {
  const { library, load, big } = await tight({ memoryBytesMax: () => 1 });
  await load(demoModel.name);
  await load(big.name);
  expect(library.view.current.loaded).toEqual([big.name]);
});

test('what other tabs have in memory counts, but for small models, and what this one has claims its own', async () => {
  const max = { bytes: 0 };
  const others: ClaimedModel[] = [];
  const claimed: string[] = [];
  const claims = {
    claim: ({ name }: ClaimedModel) => (claimed.push(name), () => void claimed.splice(claimed.indexOf(name), 1)),
    others: async () => others,
  };
  const { library, load, loads, big, next } = await tight({ memoryBytesMax: () => max.bytes, claims });
  max.bytes = big.memoryBytes + next.memoryBytes - 1;
  others.push({ name: big.name, memoryBytes: big.memoryBytes });
  await expect(library.load(next.name)).rejects.toMatchObject({
    code: 'memory-full-elsewhere',
    details: { others: [big.name] },
  });
  expect([loads.length, claimed]).toEqual([0, []]);
  others[0] = { name: big.name, memoryBytes: max.bytes / 8 };
  await load(next.name);
  expect(claimed).toEqual([next.name]);
  await library.unload(next.name);
  expect(claimed).toEqual([]);
});

test('a load that is cancelled at once has cost no model its place', async () => {
  const waiting = [Promise.resolve(), new Promise<void>(() => undefined)];
  const { library, load, big, unloaded } = await tight({ beforeLoad: () => waiting.shift()!, memoryBytesMax: () => 1 });
  await load(demoModel.name);
  const second = library.load(big.name);
  library.cancelLoad(big.name);
  await expect(second).rejects.toMatchObject({ code: 'aborted' });
  expect([unloaded, library.view.current.loads, library.view.current.loaded]).toEqual([[], [], [demoModel.name]]);
});

test('one that is lost leaves the others', async () => {
  const { library, load, big, lose } = await tight();
  await load(demoModel.name);
  await load(big.name);
  lose(0);
  expect(library.view.current).toMatchObject({ loaded: [big.name], loads: [{ model: demoModel.name }] });
});

test('who leaves a load does not stop it for the other who waits; once nobody waits it is stopped', async () => {
  const { library, loads } = await desk();
  const [one, other] = [new AbortController(), new AbortController()];
  const first = library.load(demoModel.name, { signal: one.signal });
  const second = library.load(demoModel.name, { signal: other.signal });
  await turn();
  one.abort();
  await expect(first).rejects.toMatchObject({ code: 'aborted' });
  expect(loadOf(library.view.current, demoModel.name)).toMatchObject({ phase: 'download' });
  other.abort();
  await expect(second).rejects.toMatchObject({ code: 'aborted' });
  expect(library.view.current.loads).toEqual([]);
  const third = library.load(demoModel.name);
  await turn();
  loads.at(-1)!.finish();
  expect((await third).model.name).toBe(demoModel.name);
});

const ownModel = {
  format: 'mlc' as const,
  name: 'mine',
  weightsUrl: 'https://models.test/mine/',
  libraryUrl: 'https://models.test/mine.wasm',
  contextTokens: 4_096,
  memoryBytes: 1e9,
};

test('a model that is in the list already is not added under a second name', async () => {
  const { library } = await desk({ downloadBytes: async () => demoModel.sizeBytes });
  await library.addOwn(ownModel);
  await expect(library.addOwn({ ...ownModel, name: 'other' })).rejects.toMatchObject({
    code: 'model-known-already',
    message: 'This model is already in the list, as "mine". Use that one.',
    details: { model: 'mine' },
  });
  expect(library.view.current.models.filter(({ own }) => own).map(({ name }) => name)).toEqual(['mine']);
});

test('D12: an own model has the size that its publisher lists', async () => {
  const { library } = await desk({ downloadBytes: async () => 316e6 });
  await library.addOwn(ownModel);
  expect(library.view.current.models.find(({ name }) => name === 'mine')).toMatchObject({
    sizeBytes: 316e6,
    missingBytes: 316e6,
  });
});

test('D12: an own model whose size nobody says is of unknown size, and never "here already"', async () => {
  const { library, loads } = await desk({ downloadBytes: () => Promise.reject(new TypeError('offline')) });
  await library.addOwn(ownModel);
  const mine = () => library.view.current.models.find(({ name }) => name === 'mine');
  expect(mine()).toMatchObject({ sizeBytes: undefined, missingBytes: undefined });
  const loading = library.load('mine');
  await turn();
  loads[0]!.finish();
  await loading;
  await turn();
  // The load has told it.
  expect(mine()).toMatchObject({ sizeBytes: 4 });
});

test('the browser’s own model is listed where there is one, as things are now, and takes no download', async () => {
  const slow = slowEngines();
  let offered = false;
  const { library } = await desk({
    builtIn: async () => (offered ? [browserModel] : []),
    engines: new Map([['prompt-api', () => slow.create()]]),
  });
  await library.refresh();
  expect(library.view.current.models).toEqual([]);
  offered = true;
  await library.refresh();
  expect(library.view.current.models).toMatchObject([
    { name: browserModel.name, engine: 'prompt-api', own: false, sizeBytes: undefined, fit: { fits: true } },
  ]);
  const loading = library.load(browserModel.name);
  await turn();
  slow.loads[0]!.finish();
  await loading;
  expect(library.view.current.loaded).toEqual([browserModel.name]);
});

test('of two builds of one model the one to use here is chosen by what was measured, and says why', async () => {
  const speeds = new Map<string, number>();
  const webgpu = { now: 'available' as 'available' | 'none' };
  const { library } = await desk({
    downloadBytes: async () => 1e6,
    speedOf: ({ name }) => speeds.get(name),
    examine: async () => ({
      device: {
        webgpu: webgpu.now,
        f16: true,
        vendor: 'x',
        maxBufferBytes: 1e9,
        obstacle: webgpu.now === 'none' ? 'No GPU.' : undefined,
        memoryBytes: undefined,
      },
      page: { phone: false, roomBytes: undefined },
    }),
  });
  await library.refresh();
  const gpu = library.view.current.models.find(({ base }) => base === 'qwen3-0.6b')!;
  expect(gpu.build).toBeUndefined();
  const own = { format: 'gguf', url: 'https://models.test/q.gguf', sha256: 'a'.repeat(64) } as const;
  await library.addOwn({ ...own, name: 'mine', contextTokens: 4_096, memoryBytes: 1e9, base: 'qwen3-0.6b' });
  const builds = async () => {
    await library.refresh();
    const { models } = library.view.current;
    return [gpu.name, 'mine'].map((name) => models.find((model) => model.name === name)!.build);
  };
  expect(await builds()).toMatchObject([
    { chosen: true, why: 'unmeasured' },
    { chosen: false, why: 'unmeasured' },
  ]);
  speeds.set(gpu.name, 9).set('mine', 11);
  expect(await builds()).toEqual([
    { chosen: false, why: 'faster', decodeTps: 9 },
    { chosen: true, why: 'faster', decodeTps: 11 },
  ]);
  speeds.set(gpu.name, 40);
  expect(await builds()).toMatchObject([{ chosen: true }, { chosen: false }]);
  webgpu.now = 'none';
  expect(await builds()).toMatchObject([
    { chosen: false, why: 'only' },
    { chosen: true, why: 'only' },
  ]);
});
