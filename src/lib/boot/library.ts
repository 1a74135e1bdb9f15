import { z } from 'zod';
import { abortError, throwIfAborted } from '#lib/base/abort.ts';
import { createEmitter } from '#lib/base/emitter.ts';
import { toErrorRecord, errorCode, TabloomError, type ErrorRecord } from '#lib/base/errors.ts';
import { catalog, customModel } from '#lib/engine/catalog.ts';
import type { DeviceFacts } from '#lib/engine/device.ts';
import { forDevice } from '#lib/engine/fit.ts';
import { modelEntrySchema } from '#lib/engine/model-entry.ts';
import type { LoadedModel, LoadProgress, ModelEntry } from '#lib/engine/spec.ts';
import type { StoredModels } from '#lib/engine/stored-models.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import type { TabEngines } from './engines.ts';
import { tabFit, type PageFacts, type TabFit } from './fit.ts';
import { createLive, type MutableLive } from './live.ts';

/** The models of this tab: what is known, what is kept, what is loaded. One model at a time. */
export interface Library {
  readonly view: MutableLive<LibrarySnapshot>;
  readonly loaded: LoadedModel | undefined;
  /** Loads a model, or gives the one that is loaded. A load under way for another model is stopped. */
  load(name: string): Promise<LoadedModel>;
  cancelLoad(): void;
  unload(): Promise<void>;
  /** Deletes the files of a model from this device. */
  remove(name: string): Promise<void>;
  addOwn(own: OwnModel): Promise<void>;
  /** Deletes its files, then its entry. */
  forgetOwn(name: string): Promise<void>;
  /** Looks at the device and the cache again. */
  refresh(): Promise<void>;
  /** Hears what is loaded now; undefined when nothing is. */
  onLoaded(listener: (model: LoadedModel | undefined) => void): () => void;
  /**
   * Hears that the loaded model can answer no more though nobody asked for that: its worker crashed, its device was lost,
   * or it was said to be broken. Told before `onLoaded` says that nothing is loaded.
   */
  onLost(listener: (loss: ModelLoss) => void): () => void;
  /** Gives up the loaded model as broken, as whoever serves it found out. */
  lose(artefact: string, error: TabloomError): void;
  close(): Promise<void>;
}

export interface LibrarySnapshot {
  readonly models: readonly LibraryModel[];
  readonly load: LibraryLoad | undefined;
  readonly loaded: string | undefined;
}

export type LibraryModel = Pick<
  ModelEntry,
  'name' | 'title' | 'parameters' | 'quantisation' | 'contextTokens' | 'sizeBytes' | 'memoryBytes' | 'licence'
> & { readonly engine: string; readonly own: boolean; readonly cachedBytes: number; readonly fit: TabFit };

export interface LibraryLoad extends Omit<LoadProgress, 'phase' | 'remainingMs'> {
  readonly model: string;
  readonly phase: LoadProgress['phase'] | 'failed';
  readonly remainingMs: number | undefined;
  readonly error: ErrorRecord | undefined;
}

export interface ModelLoss {
  readonly model: string;
  readonly error: ErrorRecord;
}

export interface OwnModel {
  readonly name: string;
  readonly weightsUrl: string;
  readonly libraryUrl: string;
  readonly contextTokens: number;
  readonly memoryBytes: number;
}

export interface LibraryComponents {
  readonly storage: KeyValue;
  /** What of these models lies in this browser. */
  readonly stored: (models: readonly ModelEntry[]) => StoredModels;
  readonly engines: TabEngines;
  readonly examine: () => Promise<{ readonly device: DeviceFacts; readonly page: PageFacts }>;
  /** Waited for before an engine is spawned, so that its code is kept for offline use. */
  readonly beforeLoad: () => Promise<void>;
}

const ownKey = 'own-models';
const ownMax = 32;
const ownSchema = z.array(modelEntrySchema).max(ownMax).catch([]);

export async function createLibrary(components: LibraryComponents): Promise<Library> {
  const { storage, engines, examine } = components;
  let own = ownSchema.parse(await storage.get('settings', ownKey).catch(() => undefined));
  let loaded: LoadedModel | undefined;
  let loading:
    { readonly name: string; readonly abort: AbortController; readonly done: Promise<LoadedModel> } | undefined;
  const listeners = createLive<LoadedModel | undefined>(undefined);
  const losses = createEmitter<ModelLoss>();
  const view = createLive<LibrarySnapshot>({ models: [], load: undefined, loaded: undefined });

  const all = () => [...catalog, ...own];
  const find = (name: string): ModelEntry => {
    const model = all().find((one) => one.name === name);
    if (!model) throw new TabloomError('model-unknown', `No model "${name}" is known here. Choose one of the list.`);
    return model;
  };
  const setLoaded = (model: LoadedModel | undefined) => {
    loaded = model;
    view.change({ loaded: model?.model.name });
    listeners.set(model);
  };

  async function refresh(): Promise<void> {
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
      ).map((model) => ({
        name: model.name,
        title: model.title,
        parameters: model.parameters,
        quantisation: model.quantisation,
        contextTokens: model.contextTokens,
        sizeBytes: model.sizeBytes,
        memoryBytes: model.memoryBytes,
        licence: model.licence,
        engine: engineOf(model)!,
        own: own.includes(model),
        cachedBytes: bytes.get(model.name) ?? 0,
        fit: tabFit(model, device, page, bytes.get(model.name) ?? 0),
      })),
    });
  }

  const engineOf = (model: ModelEntry) => model.engines.find((name) => engines.has(name));

  async function run(model: ModelEntry, signal: AbortSignal): Promise<LoadedModel> {
    const engine = engines.get(engineOf(model) ?? '');
    if (!engine) throw new TabloomError('model-unknown', `No engine of a browser runs "${model.name}".`);
    const show = (progress: Partial<LibraryLoad>) =>
      view.change({ load: { ...(view.current.load ?? idle), ...progress, model: model.name } });
    show({ ...idle });
    try {
      await unload();
      await components.beforeLoad();
      const result = await engine().load(model, {
        signal,
        onProgress: (progress) => show({ ...progress, remainingMs: progress.remainingMs }),
      });
      throwIfAborted(result.lost);
      show({ phase: 'ready' });
      setLoaded(result);
      result.lost?.addEventListener('abort', () => lose(result, abortError(result.lost!)), { once: true });
      return result;
    } catch (error) {
      if (errorCode(error) === 'aborted') view.change({ load: undefined });
      else show({ phase: 'failed', error: toErrorRecord(error) });
      throw error;
    } finally {
      void refresh().catch(() => undefined);
    }
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

  async function load(name: string): Promise<LoadedModel> {
    const model = find(name);
    if (loaded?.model.name === name) return loaded;
    if (loading?.name === name) return loading.done;
    const before = loading;
    before?.abort.abort();
    const abort = new AbortController();
    const done = (async () => {
      await before?.done.catch(() => undefined);
      return run(model, abort.signal);
    })();
    // Known at once, so that whoever asks in the meantime waits for this very load.
    loading = { name, abort, done };
    try {
      return await done;
    } finally {
      if (loading?.abort === abort) loading = undefined;
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
    cancelLoad: () => loading?.abort.abort(),
    unload,
    async remove(name) {
      await deleteFiles(find(name));
      await refresh();
    },
    async addOwn({ name, weightsUrl, libraryUrl, contextTokens, memoryBytes }) {
      if (all().some((model) => model.name === name))
        throw new TabloomError(
          'model-name-taken',
          `A model called "${name}" is in the list already. Choose another name.`,
        );
      if (own.length >= ownMax)
        throw new TabloomError('too-many-models', `At most ${ownMax} own models are kept. Forget one first.`);
      const source = { kind: 'mlc', weightsUrl, libraryUrl } as const;
      await keepOwn([...own, customModel({ name, source, contextTokens, memoryBytes })]);
    },
    async forgetOwn(name) {
      const model = own.find((one) => one.name === name);
      if (!model) return;
      // No list names the files of a model that is forgotten: they would lie here for ever.
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
      loading?.abort.abort();
      await unload();
    },
  };
}

const idle: Omit<LibraryLoad, 'model'> = {
  phase: 'download',
  loadedBytes: 0,
  totalBytes: 0,
  elapsedMs: 0,
  remainingMs: undefined,
  fromCache: false,
  error: undefined,
};
