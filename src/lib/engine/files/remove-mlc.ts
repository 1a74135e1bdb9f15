import { configFile, libraryFile, tokenizerFiles, weightsListFile, type MlcSource } from './mlc-layout.ts';

/**
 * Deletes the small files of a WebLLM model (configuration, list of weights, tokenizer, library) but not its shards.
 * For stored files that do not belong together: the next load fetches the small files again and hashes the shards
 * against the new list.
 */
export async function removeMlcMetadata(source: MlcSource, caches: CacheStorage): Promise<void> {
  const library = libraryFile(source);
  const files = [configFile(source), weightsListFile(source), ...tokenizerFiles(source), ...(library ? [library] : [])];
  for (const { cache, url } of files) await (await caches.open(cache)).delete(url);
}
