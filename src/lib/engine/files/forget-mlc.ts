import { configFile, libraryFile, tokenizerFiles, weightsListFile, type MlcSource } from './mlc-layout.ts';

/**
 * Deletes the small files of a WebLLM model (configuration, list of weights, tokenizer, library) and leaves the shards, so
 * that the next load asks for what belongs to it: for when what lies here does not go together. The shards are then
 * hashed once against the new list.
 */
export async function forgetMlc(source: MlcSource, caches: CacheStorage): Promise<void> {
  const library = libraryFile(source);
  const files = [configFile(source), weightsListFile(source), ...tokenizerFiles(source), ...(library ? [library] : [])];
  for (const { cache, url } of files) await (await caches.open(cache)).delete(url);
}
