import { abortError, anySignal, throwIfAborted } from '#lib/base/abort.ts';
import { errorCode } from '#lib/base/errors.ts';
import type { ProgressMeter } from '../progress.ts';
import { removeMlcMetadata } from './remove-mlc.ts';
import {
  configFile,
  libraryFile,
  tokenizerFile,
  weightsListFile,
  type MlcConfig,
  type MlcSource,
} from './mlc-layout.ts';
import { loadDocument, ensureShard, type CachedFetchOptions } from './cached-mlc.ts';

export interface FetchMlcOptions {
  readonly fetch: typeof globalThis.fetch;
  readonly caches: CacheStorage;
  readonly onProgress: ProgressMeter;
  readonly signal?: AbortSignal | undefined;
}

export interface FetchedMlc {
  /** The model's own `mlc-chat-config.json`. */
  readonly config: MlcConfig;
  /** Total size of all its files in the caches. */
  readonly totalBytes: number;
}

/** Concurrent downloads. */
const parallelFiles = 3;

/**
 * Puts every file of a WebLLM model into the caches WebLLM reads. Each is checked before it is stored (small files by
 * their content, shards by length and hash), so that an interrupted download resumes at the next missing file and a
 * corrupt file is never loaded. Errors: `load-failed`, `model-corrupt`, `quota-exceeded`, `aborted`.
 */
export async function fetchMlc(source: MlcSource, options: FetchMlcOptions): Promise<FetchedMlc> {
  throwIfAborted(options.signal);
  // The first failure cancels the other downloads.
  const stop = new AbortController();
  const counter = createCounter(options.onProgress);
  const inner: CachedFetchOptions = {
    ...options,
    onBytes: counter.add,
    signal: anySignal([options.signal, stop.signal]),
  };

  const { value: config } = await loadDocument(configFile(source), inner);
  const { value: shards, from } = await loadDocument(weightsListFile(source), inner);
  counter.expect(shards.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
  const library = libraryFile(source);
  // Stored shards may have been checked against an older list than the one just fetched.
  const check = from === 'network' ? 'hash' : 'length';
  const waiting: (() => Promise<unknown>)[] = [
    () => loadDocument(tokenizerFile(source, config), inner),
    ...(library ? [() => loadDocument(library, inner)] : []),
    ...shards.map((shard) => () => ensureShard(shard, check, inner)),
  ];

  let failure: unknown;
  const work = async () => {
    try {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        throwIfAborted(inner.signal);
        await next();
      }
    } catch (error) {
      failure ??= error;
      stop.abort();
    }
  };
  await Promise.all(Array.from({ length: parallelFiles }, work));
  if (options.signal?.aborted) throw abortError(options.signal);
  if (failure !== undefined) {
    // The publisher may have replaced the files since the list was fetched; make the next load fetch everything again.
    if (errorCode(failure) === 'model-corrupt') await removeMlcMetadata(source, options.caches);
    throw failure;
  }
  return { config, totalBytes: counter.loadedBytes };
}

/** Progress over all files. Shard sizes are known from the list; document sizes only once they arrive. */
function createCounter(onProgress: ProgressMeter) {
  let loadedBytes = 0;
  let shardBytes = 0;
  let documentBytes = 0;
  let fetched = false;
  const add: CachedFetchOptions['onBytes'] = (bytes, from, file) => {
    loadedBytes += bytes;
    if (!('sizeBytes' in file)) documentBytes += bytes;
    fetched ||= from === 'network';
    onProgress({
      phase: fetched ? 'download' : 'cache',
      loadedBytes,
      totalBytes: shardBytes === 0 ? 0 : documentBytes + shardBytes,
      fromCache: !fetched,
    });
  };
  return {
    add,
    expect: (bytes: number) => {
      shardBytes = bytes;
    },
    get loadedBytes() {
      return loadedBytes;
    },
  };
}
