import { abortError, anySignal, throwIfAborted } from '#lib/base/abort.ts';
import { errorCode } from '#lib/base/errors.ts';
import type { ProgressMeter } from '../progress.ts';
import { forgetMlc } from './forget-mlc.ts';
import {
  configFile,
  libraryFile,
  tokenizerFile,
  weightsListFile,
  type MlcConfig,
  type MlcSource,
} from './mlc-layout.ts';
import { obtainDocument, obtainShard, type ObtainOptions } from './obtain-mlc.ts';

export interface FetchMlcOptions {
  readonly fetch: typeof globalThis.fetch;
  readonly caches: CacheStorage;
  readonly onProgress: ProgressMeter;
  readonly signal?: AbortSignal | undefined;
}

export interface FetchedMlc {
  /** The model's own `mlc-chat-config.json`. */
  readonly config: MlcConfig;
  /** Of all its files, as they lie in the caches. */
  readonly totalBytes: number;
}

/** Files under way at once. */
const parallelFiles = 3;

/**
 * Puts every file of a WebLLM model where WebLLM looks for it, each checked before it is kept (the small ones by what
 * they say, shards by length and hash), so that an interrupted download goes on at the next missing file and a broken
 * file is never loaded. Errors: `load-failed`, `model-corrupt`, `quota-exceeded`, `aborted`.
 */
export async function fetchMlc(source: MlcSource, options: FetchMlcOptions): Promise<FetchedMlc> {
  throwIfAborted(options.signal);
  // The first failure stops the other files: nobody waits for the rest of a model that cannot be had.
  const stop = new AbortController();
  const counter = createCounter(options.onProgress);
  const inner: ObtainOptions = {
    ...options,
    onBytes: counter.add,
    signal: anySignal([options.signal, stop.signal]),
  };

  const { value: config } = await obtainDocument(configFile(source), inner);
  const { value: shards, from } = await obtainDocument(weightsListFile(source), inner);
  counter.expect(shards.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
  const library = libraryFile(source);
  // A list that has just come may not be the one that what lies here was checked against.
  const look = from === 'network' ? 'inside' : 'outside';
  const waiting: (() => Promise<unknown>)[] = [
    () => obtainDocument(tokenizerFile(source, config), inner),
    ...(library ? [() => obtainDocument(library, inner)] : []),
    ...shards.map((shard) => () => obtainShard(shard, look, inner)),
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
    // The publisher may have put other files at the address since the list was fetched: the next load asks for all anew.
    if (errorCode(failure) === 'model-corrupt') await forgetMlc(source, options.caches);
    throw failure;
  }
  return { config, totalBytes: counter.loadedBytes };
}

/** Bytes of all files together. Sizes of documents are not known before they come; those of shards are, from the list. */
function createCounter(onProgress: ProgressMeter) {
  let loadedBytes = 0;
  let shardBytes = 0;
  let documentBytes = 0;
  let fetched = false;
  const add: ObtainOptions['onBytes'] = (bytes, from, file) => {
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
