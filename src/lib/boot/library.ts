import { z } from 'zod';
import type { AbortOptions } from '#lib/base/abort.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { createLive, type MutableLive } from '#lib/base/live.ts';
import { catalog } from '#lib/engine/catalog.ts';
import type { DeviceFacts } from '#lib/engine/device.ts';
import { forDevice } from '#lib/engine/fit.ts';
import { modelEntrySchema } from '#lib/engine/model-entry.ts';
import type { Engine, LoadedModel, ModelEntry, ModelSource } from '#lib/engine/spec.ts';
import type { StoredModels } from '#lib/engine/stored-models.ts';
import type { LibraryView } from '#lib/state/library.ts';
import type { OwnModel } from '#lib/state/tab.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import { memoryOf } from './model-limits.ts';
import { createModelMemory, type ModelMemory, type ModelMemoryComponents } from './model-memory.ts';
import { toModelView, withChoices, type PageFacts } from './model-view.ts';
import { ownModel } from './own-model.ts';

/** The models of this tab: known, stored and loaded. */
export interface Library extends Pick<
  ModelMemory,
  'get' | 'all' | 'cancelLoad' | 'unload' | 'lose' | 'onChange' | 'onLost' | 'close'
> {
  readonly view: MutableLive<LibraryView>;
  /** As {@link ModelMemory.load}. @throws `model-unknown` too. */
  load(name: string, options?: AbortOptions): Promise<LoadedModel>;
  /** Deletes the files of a model from this device. */
  remove(name: string): Promise<void>;
  addOwn(own: OwnModel): Promise<void>;
  /** Deletes its files, then its entry. */
  forgetOwn(name: string): Promise<void>;
  /** Examines the device and the cache again. */
  refresh(): Promise<void>;
}

export interface LibraryComponents {
  readonly storage: KeyValue;
  /** Which of these models' files this browser has stored. */
  readonly stored: (models: readonly ModelEntry[]) => StoredModels;
  /** By name. Each model gets an engine of its own, made when it is loaded. */
  readonly engines: ReadonlyMap<string, () => Engine>;
  readonly examine: () => Promise<{ readonly device: DeviceFacts; readonly page: PageFacts }>;
  /** Bytes of a model's files as its publisher states them; undefined if that cannot be determined. */
  readonly downloadBytes: (source: ModelSource) => Promise<number | undefined>;
  /** Models that come with this browser, as things are now. */
  readonly builtIn?: (() => Promise<readonly ModelEntry[]>) | undefined;
  /** What was measured of a model on this device, in tokens a second. */
  readonly speedOf?: ((model: ModelEntry) => number | undefined) | undefined;
  /** What the owner allows all models in memory together; 0 for what suits the device. */
  readonly memoryBytesMax: () => number;
  readonly claims?: ModelMemoryComponents['claims'];
  readonly isKept: ModelMemoryComponents['isKept'];
  readonly beforeLoad: ModelMemoryComponents['beforeLoad'];
}

const ownKey = 'own-models';
const ownMax = 32;
const ownSchema = z.array(modelEntrySchema).max(ownMax).catch([]);

export async function createLibrary(components: LibraryComponents): Promise<Library> {
  const { storage, engines, examine } = components;
  let own = ownSchema.parse(await storage.get('settings', ownKey).catch(() => undefined));
  let builtIn: readonly ModelEntry[] = [];
  let suitsDeviceBytes = memoryOf(undefined);
  const budgetBytes = () => components.memoryBytesMax() || suitsDeviceBytes;
  const memory = createModelMemory({
    createEngine(model) {
      const create = engines.get(engineOf(model) ?? '');
      if (!create) throw new TabloomError('model-unknown', `No browser engine runs "${model.name}".`);
      return create();
    },
    budgetBytes,
    claims: components.claims,
    isKept: components.isKept,
    beforeLoad: components.beforeLoad,
    onSettled(model, totalBytes) {
      void learnSize(model, totalBytes)
        .then(refresh)
        .catch(() => undefined);
    },
  });
  const view = createLive<LibraryView>({ models: [], ...memory.view.current });
  memory.view.listen((now) => view.change(now));

  const all = () => [...catalog, ...own, ...builtIn];
  const find = (name: string): ModelEntry => {
    const model = all().find((one) => one.name === name);
    if (!model) throw new TabloomError('model-unknown', `No model "${name}" is known here. Choose one from the list.`);
    return model;
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
    suitsDeviceBytes = memoryOf({ device, page });
    const bytes = new Map(stored.map(({ model, storedBytes }) => [model.name, storedBytes]));
    view.change({
      memoryBytesMax: budgetBytes(),
      models: withChoices(
        forDevice(
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
        (name) => components.speedOf?.(find(name)),
      ),
    });
  }

  const engineOf = (model: ModelEntry) => model.engines.find((name) => engines.has(name));

  /** Records the size of an own model whose publisher lists none, once its files are here. */
  async function learnSize(model: ModelEntry, sizeBytes: number): Promise<void> {
    if (model.sizeBytes > 0 || sizeBytes === 0 || !memory.get(model.name) || !own.includes(model)) return;
    await keepOwn(own.map((one) => (one === model ? { ...one, sizeBytes } : one))).catch(() => undefined);
  }

  const deleteFiles = async (model: ModelEntry) => {
    if (memory.has(model.name))
      throw new TabloomError('model-in-use', 'This model is in use. Unload it first, then delete it.');
    await components.stored(all()).delete(model);
  };

  const keepOwn = async (next: readonly ModelEntry[]) => {
    await storage.put('settings', ownKey, next);
    own = [...next];
    await refresh();
  };

  return {
    ...memory,
    view,
    load: async (name, options) => memory.load(find(name), options),
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
      const added = await ownModel(model, components.downloadBytes);
      // A provider, its speeds and its offers know a model by its artefact: under a second name it would be taken for the first.
      const same = all().find(({ artefact }) => artefact === added.artefact);
      if (same)
        throw new TabloomError(
          'model-known-already',
          `This model is already in the list, as "${same.name}". Use that one.`,
          { details: { model: same.name } },
        );
      await keepOwn([...own, added]);
    },
    async forgetOwn(name) {
      const model = own.find((one) => one.name === name);
      if (!model) return;
      // No list names the files of a forgotten model: they would stay here for ever.
      await deleteFiles(model);
      await keepOwn(own.filter((one) => one !== model));
    },
    refresh,
  };
}
