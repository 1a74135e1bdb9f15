import { browserModel } from '#lib/engine/prompt-api.ts';
import { expect, test } from 'vitest';
import { TabloomError } from '#lib/base/errors.ts';
import { demoModel } from '#lib/engine/catalog.ts';
import type { Engine, LoadedModel, LoadOptions, ModelEntry } from '#lib/engine/spec.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { createLibrary, type LibraryComponents } from './library.ts';

const info = { name: 'wllama', build: '1', deviceClass: 'wasm-cpu' };

/** An engine whose loads end when the test says so. */
function slowEngine() {
  const loads: { readonly model: ModelEntry; readonly finish: () => void; readonly fail: (error: Error) => void }[] =
    [];
  const unloaded: string[] = [];
  const lost = new AbortController();
  const engine: Engine = {
    info,
    close: async () => undefined,
    load: (model, { signal, onProgress }: LoadOptions) =>
      new Promise<LoadedModel>((resolve, reject) => {
        onProgress?.({ phase: 'download', loadedBytes: 1, totalBytes: 4, elapsedMs: 1, fromCache: false });
        signal?.addEventListener('abort', () => reject(new TabloomError('aborted', 'Stopped.')));
        const loaded = {
          model,
          engine: info,
          contextTokens: 512,
          slots: 1,
          lost: lost.signal,
          unload: async () => void unloaded.push(model.name),
          doStream: () => {
            throw new Error('not asked');
          },
        } as unknown as LoadedModel;
        loads.push({ model, finish: () => resolve(loaded), fail: reject });
      }),
  };
  return { engine, loads, unloaded, lost };
}

async function desk(change: Partial<LibraryComponents> = {}) {
  const slow = slowEngine();
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
      ['wllama', () => slow.engine],
      ['webllm', () => slow.engine],
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
  expect(library.view.current.load).toMatchObject({ phase: 'download', loadedBytes: 1, totalBytes: 4 });
  loads[0]!.finish();
  const model = await loading;
  expect(library.view.current).toMatchObject({ loaded: demoModel.name, load: { phase: 'ready' } });
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
  library.cancelLoad();
  await expect(loading).rejects.toMatchObject({ code: 'aborted' });
  expect(library.view.current).toMatchObject({ load: undefined, loaded: undefined });
});

test('another model stops the load under way and takes the place of the loaded one', async () => {
  const { library, loads, unloaded } = await desk();
  await library.refresh();
  const other = library.view.current.models.find(({ engine }) => engine === 'webllm')!.name;
  const first = library.load(demoModel.name);
  await turn();
  const second = library.load(other);
  await expect(first).rejects.toMatchObject({ code: 'aborted' });
  await turn();
  loads[1]!.finish();
  await second;
  const third = library.load(demoModel.name);
  await turn();
  expect(unloaded).toEqual([other]);
  loads[2]!.finish();
  await third;
  expect(library.view.current.loaded).toBe(demoModel.name);
});

test('a failure is shown with its code, and the next try begins clean', async () => {
  const { library, loads } = await desk();
  const loading = library.load(demoModel.name);
  await turn();
  loads[0]!.fail(new TabloomError('model-corrupt', 'Cut short.'));
  await expect(loading).rejects.toMatchObject({ code: 'model-corrupt' });
  expect(library.view.current.load).toMatchObject({ phase: 'failed', error: { code: 'model-corrupt' } });
  void library.load(demoModel.name).catch(() => undefined);
  await turn();
  expect(library.view.current.load).toMatchObject({ phase: 'download', error: undefined });
});

test('files are deleted, but not those of a model in use', async () => {
  const { library, loads, stored } = await desk();
  const loading = library.load(demoModel.name);
  await turn();
  await expect(library.remove(demoModel.name)).rejects.toMatchObject({ code: 'model-in-use' });
  loads[0]!.finish();
  await loading;
  await expect(library.remove(demoModel.name)).rejects.toMatchObject({ code: 'model-in-use' });
  await library.unload();
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
  const { library, loads, lost } = await desk();
  const heard: unknown[] = [];
  library.onLost(({ model, error }) => heard.push([model, error.code]));
  library.onLoaded((model) => heard.push(model?.model.name));
  const loading = library.load(demoModel.name);
  await turn();
  loads[0]!.finish();
  await loading;
  lost.abort(new TabloomError('device-lost', 'Gone.'));
  expect(heard).toEqual([demoModel.name, [demoModel.name, 'device-lost'], undefined]);
  expect(library.view.current).toMatchObject({
    loaded: undefined,
    load: { model: demoModel.name, phase: 'failed', error: { code: 'device-lost', message: 'Gone.' } },
  });
});

test('a model said to be broken is unloaded, another one is left alone', async () => {
  const { library, loads, unloaded } = await desk();
  const loading = library.load(demoModel.name);
  await turn();
  loads[0]!.finish();
  await loading;
  library.lose('f'.repeat(64), new TabloomError('engine-failed', 'No.'));
  expect(library.view.current.loaded).toBe(demoModel.name);
  library.lose(demoModel.artefact, new TabloomError('engine-failed', 'No.'));
  expect([library.view.current.loaded, unloaded]).toEqual([undefined, [demoModel.name]]);
});

test('a load says its size before the first byte comes', async () => {
  const waiting = Promise.withResolvers<void>();
  const { library } = await desk({ beforeLoad: () => waiting.promise });
  void library.load(demoModel.name).catch(() => undefined);
  expect(library.view.current.load).toMatchObject({
    model: demoModel.name,
    loadedBytes: 0,
    totalBytes: demoModel.sizeBytes,
  });
});

test('a load that is cancelled at once has not cost the model that was loaded, and the next begins at once', async () => {
  const waiting = [Promise.resolve(), new Promise<void>(() => undefined), Promise.resolve()];
  const { library, loads, unloaded } = await desk({ beforeLoad: () => waiting.shift()! });
  await library.refresh();
  const other = library.view.current.models.find(({ engine }) => engine === 'webllm')!.name;
  const first = library.load(demoModel.name);
  await turn();
  loads[0]!.finish();
  await first;
  const second = library.load(other);
  library.cancelLoad();
  await expect(second).rejects.toMatchObject({ code: 'aborted' });
  expect([unloaded, library.view.current.load, library.view.current.loaded]).toEqual([[], undefined, demoModel.name]);
});

test('the loaded model that is asked for again stays, and the load that would have taken its place is stopped', async () => {
  const waiting = [Promise.resolve(), new Promise<void>(() => undefined)];
  const { library, loads } = await desk({ beforeLoad: () => waiting.shift()! });
  await library.refresh();
  const other = library.view.current.models.find(({ engine }) => engine === 'webllm')!.name;
  const first = library.load(demoModel.name);
  await turn();
  loads[0]!.finish();
  const model = await first;
  const second = library.load(other);
  expect(await library.load(demoModel.name)).toBe(model);
  await expect(second).rejects.toMatchObject({ code: 'aborted' });
  expect(library.view.current).toMatchObject({ loaded: demoModel.name, load: undefined });
});

test('who leaves a load does not stop it for the other who waits; once nobody waits it is stopped', async () => {
  const { library, loads } = await desk();
  const [one, other] = [new AbortController(), new AbortController()];
  const first = library.load(demoModel.name, { signal: one.signal });
  const second = library.load(demoModel.name, { signal: other.signal });
  await turn();
  one.abort();
  await expect(first).rejects.toMatchObject({ code: 'aborted' });
  expect(library.view.current.load).toMatchObject({ phase: 'download' });
  other.abort();
  await expect(second).rejects.toMatchObject({ code: 'aborted' });
  expect(library.view.current.load).toBeUndefined();
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
  const slow = slowEngine();
  let offered = false;
  const { library } = await desk({
    builtIn: async () => (offered ? [browserModel] : []),
    engines: new Map([['prompt-api', () => slow.engine]]),
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
  expect(library.view.current.loaded).toBe(browserModel.name);
});
