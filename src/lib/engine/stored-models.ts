import { cacheChunkStore } from './files/cache-chunk-store.ts';
import { configFile, libraryFile, weightsFolder, type MlcSource } from './files/mlc-layout.ts';
import type { ModelEntry } from './spec.ts';

/** A model that is completely or partially in this browser's storage. */
export interface StoredModel {
  readonly model: ModelEntry;
  readonly storedBytes: number;
  /** False after an interrupted download; undefined if only loading can tell. */
  readonly complete: boolean | undefined;
}

export interface StoredModels {
  list(): Promise<readonly StoredModel[]>;
  /** Deletes one model but keeps files shared with others. Close its engine first. */
  delete(model: ModelEntry): Promise<void>;
}

/** Lists and deletes models in the browser's caches, without a worker or an engine. */
export function createStoredModels(caches: CacheStorage, models: readonly ModelEntry[]): StoredModels {
  const chunks = cacheChunkStore(caches);

  const list = async (): Promise<readonly StoredModel[]> => {
    const files = await chunks.list();
    const stored: StoredModel[] = [];
    for (const model of models) {
      const { source } = model;
      if (source.kind === 'gguf') {
        const file = files.find(({ sha256 }) => sha256 === source.sha256);
        if (file) {
          stored.push({ model, storedBytes: file.storedBytes, complete: file.storedBytes === file.sizeBytes });
        }
      } else if (source.kind === 'mlc') {
        const storedBytes = await mlcBytes(caches, source);
        if (storedBytes > 0) stored.push({ model, storedBytes, complete: undefined });
      }
    }
    return stored;
  };

  return {
    list,
    async delete(model) {
      const { source } = model;
      if (source.kind === 'gguf') return chunks.delete(source.sha256);
      if (source.kind !== 'mlc') return;
      const folder = weightsFolder(source);
      const weights = await caches.open('webllm/model');
      for (const request of await weights.keys()) {
        if (request.url.startsWith(folder)) await weights.delete(request);
      }
      await (await caches.open('webllm/config')).delete(configFile(source).url);
      const library = libraryFile(source);
      const others = (await list()).filter((other) => other.model.artefact !== model.artefact);
      const shared = others.some(
        ({ model: { source: own } }) => own.kind === 'mlc' && own.libraryUrl === source.libraryUrl,
      );
      if (library && !shared) await (await caches.open('webllm/wasm')).delete(library.url);
    },
  };
}

async function mlcBytes(caches: CacheStorage, source: MlcSource): Promise<number> {
  const folder = weightsFolder(source);
  const cache = await caches.open('webllm/model');
  let bytes = 0;
  for (const request of await cache.keys()) {
    if (request.url.startsWith(folder)) bytes += (await (await cache.match(request))?.blob())?.size ?? 0;
  }
  return bytes;
}
