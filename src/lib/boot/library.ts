import { z } from 'zod';
import { abortError, anySignal, raceSignal, throwIfAborted, type AbortOptions } from '#lib/base/abort.ts';
import { createEmitter } from '#lib/base/emitter.ts';
import { toErrorRecord, errorCode, TabloomError, type ErrorRecord } from '#lib/base/errors.ts';
import { catalog } from '#lib/engine/catalog.ts';
import type { DeviceFacts } from '#lib/engine/device.ts';
import { forDevice } from '#lib/engine/fit.ts';
import { modelEntrySchema } from '#lib/engine/model-entry.ts';
import type { Engine, LoadedModel, ModelEntry, ModelSource } from '#lib/engine/spec.ts';
import type { StoredModels } from '#lib/engine/stored-models.ts';
import type { LibraryView, LoadView } from '#lib/state/library.ts';
import type { OwnModel } from '#lib/state/tab.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import { ownModel } from './own-model.ts';
import { toModelView, type PageFacts } from './model-view.ts';
import { createLive, type MutableLive } from '#lib/base/live.ts';

/** The models of this tab: known, stored and loaded. One is loaded at a time. */
export interface Library {
  readonly view: MutableLive<LibraryView>;
  readonly loaded: LoadedModel | undefined;
  /**
   * Loads a model, or returns it if it is loaded. A load of another model in progress is stopped. Aborting the signal leaves
   * the load, which is stopped once no caller waits for it any more.
   */
  load(name: string, options?: AbortOptions): Promise<LoadedModel>;
  /** Stops the load in progress, whether or not callers wait for it. */
  cancelLoad(): void;
  unload(): Promise<void>;
  /** Deletes the files of a model from this device. */
  remove(name: string): Promise<void>;
  addOwn(own: OwnModel): Promise<void>;
  /** Deletes its files, then its entry. */
  forgetOwn(name: string): Promise<void>;
  /** Examines the device and the cache again. */
  refresh(): Promise<void>;
  /** Calls back with the model loaded now, or undefined. */
  onLoaded(listener: (model: LoadedModel | undefined) => void): () => void;
  /**
   * Calls back when the loaded model has stopped working without being unloaded: its worker crashed, its device was lost, or
   * it was reported broken. Called before `onLoaded` reports that nothing is loaded.
   */
  onLost(listener: (loss: ModelLoss) => void): () => void;
  /** Gives up the loaded model, which its provider found to be broken. */
  lose(artefact: string, error: TabloomError): void;
  close(): Promise<void>;
}

export interface ModelLoss {
  readonly model: string;
  readonly error: ErrorRecord;
}

export interface LibraryComponents {
  readonly storage: KeyValue;
  /** Which of these models' files this browser has stored. */
  readonly stored: (models: readonly ModelEntry[]) => StoredModels;
  /** By name; each is made when it is first needed. */
  readonly engines: ReadonlyMap<string, () => Engine>;
  readonly examine: () => Promise<{ readonly device: DeviceFacts; readonly page: PageFacts }>;
  /** Bytes of a model's files as its publisher states them; undefined if that cannot be determined. */
  readonly downloadBytes: (source: ModelSource) => Promise<number | undefined>;
  /** Models that come with this browser, as things are now. */
  readonly builtIn?: (() => Promise<readonly ModelEntry[]>) | undefined;
  /** Awaited before an engine is spawned, so that its code is cached for offline use. */
  readonly beforeLoad: () => Promise<void>;
}

interface Loading {
  readonly name: string;
  readonly abort: AbortController;
  readonly done: Promise<LoadedModel>;
  /** Callers that wait for it. */
  waiting: number;
}

const ownKey = 'own-models';
const ownMax = 32;
const ownSchema = z.array(modelEntrySchema).max(ownMax).catch([]);

export async function createLibrary(components: LibraryComponents): Promise<Library> {
  const { storage, engines, examine } = components;
  let own = ownSchema.parse(await storage.get('settings', ownKey).catch(() => undefined));
  let builtIn: readonly ModelEntry[] = [];
  let loaded: LoadedModel | undefined;
  let loading: Loading | undefined;
  const listeners = createLive<LoadedModel | undefined>(undefined);
  const losses = createEmitter<ModelLoss>();
  const view = createLive<LibraryView>({ models: [], load: undefined, loaded: undefined });

  const all = () => [...catalog, ...own, ...builtIn];
  const find = (name: string): ModelEntry => {
    const model = all().find((one) => one.name === name);
    if (!model) throw new TabloomError('model-unknown', `No model "${name}" is known here. Choose one from the list.`);
    return model;
  };
  const setLoaded = (model: LoadedModel | undefined) => {
    loaded = model;
    view.change({ loaded: model?.model.name });
    listeners.set(model);
  };

  async function refresh(): Promise<void> {
    builtIn = (await components.builtIn?.().catch(() => [])) ?? [];
    const [{ device, page }, stored] = await Promise.all([
      examine(),
      components
        .stored(all())
        .list()
        .catch(() => []),
    ]);
    const bytes = new Map(stored.map(({ model, storedBytes }) => [model.name, storedBytes]));
    view.change({
      models: forDevice(
        all().filter((model) => engineOf(model)),
        device,
      ).map((model) =>
        toModelView(model, {
          engine: engineOf(model)!,
          own: own.includes(model),
          cachedBytes: bytes.get(model.name) ?? 0,
          device,
          page,
        }),
      ),
    });
  }

  const engineOf = (model: ModelEntry) => model.engines.find((name) => engines.has(name));

  const show = (model: ModelEntry, progress: Partial<LoadView>) =>
    view.change({ load: { ...(view.current.load ?? idle), ...progress, model: model.name } });

  async function run(model: ModelEntry, signal: AbortSignal): Promise<LoadedModel> {
    const engine = engines.get(engineOf(model) ?? '');
    if (!engine) throw new TabloomError('model-unknown', `No browser engine runs "${model.name}".`);
    await components.beforeLoad();
    // As late as possible: a load that is cancelled at once does not cost the model that is loaded.
    throwIfAborted(signal);
    await unload();
    const result = await engine().load(model, {
      signal,
      onProgress: ({ totalBytes, ...progress }) => {
        if (!signal.aborted) show(model, { ...progress, totalBytes: totalBytes || model.sizeBytes });
      },
    });
    if (signal.aborted) await result.unload();
    throwIfAborted(signal);
    throwIfAborted(result.lost);
    show(model, { phase: 'ready' });
    setLoaded(result);
    result.lost?.addEventListener('abort', () => lose(result, abortError(result.lost!)), { once: true });
    void learnSize(model);
    return result;
  }

  /** Records the size of an own model whose publisher lists none, once its files are here. */
  async function learnSize(model: ModelEntry): Promise<void> {
    const sizeBytes = view.current.load?.totalBytes ?? 0;
    if (model.sizeBytes > 0 || sizeBytes === 0 || !own.includes(model)) return;
    await keepOwn(own.map((one) => (one === model ? { ...one, sizeBytes } : one))).catch(() => undefined);
  }

  function lose(model: LoadedModel, failure: TabloomError): void {
    if (loaded !== model) return;
    const { name } = model.model;
    const error = toErrorRecord(failure);
    loaded = undefined;
    view.change({ load: { ...idle, model: name, phase: 'failed', error } });
    losses.emit({ model: name, error });
    setLoaded(undefined);
    void model.unload().catch(() => undefined);
  }

  function beginLoad(model: ModelEntry): Loading {
    const before = loading;
    if (before) stopLoad(before);
    const abort = new AbortController();
    const isLatest = () => loading?.abort === abort;
    // Shows its size at once, before the first byte.
    view.change({ load: { ...idle, model: model.name, totalBytes: model.sizeBytes } });
    const done = (async () => {
      try {
        await before?.done.catch(() => undefined);
        throwIfAborted(abort.signal);
        return await run(model, abort.signal);
      } catch (error) {
        if (isLatest() && errorCode(error) === 'aborted') view.change({ load: undefined });
        else if (isLatest()) show(model, { phase: 'failed', error: toErrorRecord(error) });
        throw error;
      } finally {
        if (isLatest()) loading = undefined;
        void refresh().catch(() => undefined);
      }
    })();
    done.catch(() => undefined);
    return { name: model.name, abort, done, waiting: 0 };
  }

  function stopLoad(stopped: Loading): void {
    if (stopped !== loading || stopped.abort.signal.aborted) return;
    stopped.abort.abort();
    view.change({ load: undefined });
  }

  async function load(name: string, { signal }: AbortOptions = {}): Promise<LoadedModel> {
    throwIfAborted(signal);
    const model = find(name);
    if (loaded?.model.name === name) {
      // It may be about to be replaced by another.
      if (loading && loading.name !== name) stopLoad(loading);
      return loaded;
    }
    // Known at once, so that later callers wait for this same load; but not for one that was given up.
    const mine = loading?.name === name && !loading.abort.signal.aborted ? loading : (loading = beginLoad(model));
    mine.waiting += 1;
    try {
      return await raceSignal(mine.done, anySignal([signal, mine.abort.signal]));
    } finally {
      mine.waiting -= 1;
      if (mine.waiting === 0) stopLoad(mine);
    }
  }

  async function unload(): Promise<void> {
    const model = loaded;
    if (!model) return;
    setLoaded(undefined);
    await model.unload();
  }

  const deleteFiles = async (model: ModelEntry) => {
    if (loaded?.model.name === model.name || loading?.name === model.name)
      throw new TabloomError('model-in-use', 'This model is in use. Unload it first, then delete it.');
    await components.stored(all()).delete(model);
  };

  const keepOwn = async (next: readonly ModelEntry[]) => {
    await storage.put('settings', ownKey, next);
    own = [...next];
    await refresh();
  };

  return {
    view,
    get loaded() {
      return loaded;
    },
    load,
    cancelLoad: () => loading && stopLoad(loading),
    unload,
    async remove(name) {
      await deleteFiles(find(name));
      await refresh();
    },
    async addOwn(model) {
      const { name } = model;
      if (all().some((one) => one.name === name))
        throw new TabloomError(
          'model-name-taken',
          `A model called "${name}" is already in the list. Choose another name.`,
        );
      if (own.length >= ownMax)
        throw new TabloomError(
          'too-many-models',
          `You can keep at most ${ownMax} models of your own. Remove one first.`,
        );
      await keepOwn([...own, await ownModel(model, components.downloadBytes)]);
    },
    async forgetOwn(name) {
      const model = own.find((one) => one.name === name);
      if (!model) return;
      // No list names the files of a forgotten model: they would stay here for ever.
      await deleteFiles(model);
      await keepOwn(own.filter((one) => one !== model));
    },
    refresh,
    onLoaded: listeners.listen,
    onLost: losses.listen,
    lose(artefact, error) {
      if (loaded?.model.artefact === artefact) lose(loaded, error);
    },
    async close() {
      if (loading) stopLoad(loading);
      await unload();
    },
  };
}

const idle: Omit<LoadView, 'model'> = {
  phase: 'download',
  loadedBytes: 0,
  totalBytes: 0,
  elapsedMs: 0,
  remainingMs: undefined,
  fromCache: false,
  error: undefined,
};
