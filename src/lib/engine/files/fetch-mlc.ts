import { md5 } from '@noble/hashes/legacy.js';
import { abortError, anySignal, throwIfAborted } from '#lib/base/abort.ts';
import { concatBytes, toHex, utf8Decode } from '#lib/base/bytes.ts';
import { TabloomError } from '#lib/base/errors.ts';
import type { ProgressMeter } from '../progress.ts';
import { quotaExceeded } from './chunk-store.ts';
import {
  configFile,
  libraryFile,
  tokenizerFile,
  weightFiles,
  weightsFolder,
  weightsListFile,
  type MlcFile,
  type MlcSource,
} from './mlc-layout.ts';

export interface FetchMlcOptions {
  readonly fetch: typeof globalThis.fetch;
  readonly caches: CacheStorage;
  readonly onProgress: ProgressMeter;
  readonly signal?: AbortSignal | undefined;
}

/** Files under way at once. */
const parallelFiles = 3;
/** A file of this layout is a shard of tens of megabytes; more is not held in memory. */
const fileBytesMax = 1024 ** 3;

/**
 * Puts every file of a WebLLM model where WebLLM looks for it, each checked by length and hash before it is kept, so
 * that an interrupted download goes on at the next missing file and a broken file is never loaded. Gives back the model's
 * own configuration. Errors: `load-failed`, `model-corrupt`, `quota-exceeded`, `aborted`.
 */
export async function fetchMlc(source: MlcSource, options: FetchMlcOptions): Promise<unknown> {
  throwIfAborted(options.signal);
  const folder = weightsFolder(source);
  const counter = { loadedBytes: 0, totalBytes: 0, fetched: false };
  // The first failure stops the other files: nobody waits for the rest of a model that cannot be had.
  const stop = new AbortController();
  const inner = { ...options, signal: anySignal([options.signal, stop.signal]) };
  const get = (file: MlcFile) => obtain(file, counter, inner);

  const config = readJson(await get(configFile(folder)));
  const weights = weightFiles(folder, readJson(await get(weightsListFile(folder))));
  const library = libraryFile(source);
  counter.totalBytes = counter.loadedBytes + weights.reduce((sum, file) => sum + file.sizeBytes, 0);

  const waiting = [tokenizerFile(folder, config), ...(library ? [library] : []), ...weights];
  let failure: unknown;
  const work = async () => {
    try {
      for (let file = waiting.shift(); file; file = waiting.shift()) await get(file);
    } catch (error) {
      failure ??= error;
      stop.abort();
    }
  };
  await Promise.all(Array.from({ length: parallelFiles }, work));
  if (options.signal?.aborted) throw abortError(options.signal);
  if (failure !== undefined) throw failure;
  return config;
}

interface Counter {
  loadedBytes: number;
  totalBytes: number;
  fetched: boolean;
}

/** A file from its cache when it is whole there, else from the network into the cache. */
async function obtain(file: MlcFile, counter: Counter, options: FetchMlcOptions): Promise<Uint8Array | undefined> {
  const { caches, onProgress, signal } = options;
  throwIfAborted(signal);
  const cache = await caches.open(file.cache);
  const report = (bytes: number) => {
    counter.loadedBytes += bytes;
    // Sizes of the small files are not known before they come.
    if (file.sizeBytes === 0 && counter.totalBytes > 0) counter.totalBytes += bytes;
    const { loadedBytes, totalBytes, fetched } = counter;
    const known = Math.max(loadedBytes, totalBytes);
    onProgress({
      phase: fetched ? 'download' : 'cache',
      loadedBytes,
      totalBytes: totalBytes && known,
      fromCache: !fetched,
    });
  };
  const stored = await cache.match(file.url);
  if (stored) {
    const blob = await stored.blob();
    if (file.sizeBytes === 0 || blob.size === file.sizeBytes) {
      report(blob.size);
      return file.sizeBytes === 0 ? new Uint8Array(await blob.arrayBuffer()) : undefined;
    }
    await cache.delete(file.url);
  }
  counter.fetched = true;
  const { bytes, type } = await download(file, report, options);
  if (file.md5 !== undefined && toHex(md5(bytes)) !== file.md5) throw corrupt(file, 'its hash is another');
  try {
    await cache.put(file.url, new Response(Uint8Array.from(bytes), { headers: { 'content-type': type } }));
  } catch (cause) {
    if (cause instanceof Error && cause.name === 'QuotaExceededError') throw quotaExceeded(cause);
    throw new TabloomError('storage-unavailable', 'The browser could not store the model. Try again.', { cause });
  }
  return bytes;
}

async function download(
  file: MlcFile,
  report: (bytes: number) => void,
  { fetch, signal }: FetchMlcOptions,
): Promise<{ readonly bytes: Uint8Array; readonly type: string }> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  let type = 'application/octet-stream';
  try {
    const response = await fetch(file.url, signal ? { signal } : undefined);
    if (!response.ok || !response.body) throw loadFailed(file, `the server answered with status ${response.status}`);
    type = response.headers.get('content-type') ?? type;
    for await (const piece of response.body) {
      length += piece.length;
      if (length > (file.sizeBytes || fileBytesMax)) throw corrupt(file, 'it is longer than it should be');
      pieces.push(piece);
      report(piece.length);
    }
    if (file.sizeBytes > 0 && length < file.sizeBytes) throw corrupt(file, 'it was cut short');
  } catch (cause) {
    if (cause instanceof TabloomError) throw cause;
    // The end of a body is told after its last byte: a stop in between takes nothing from a file that is whole.
    if (file.sizeBytes === 0 || length < file.sizeBytes) {
      if (signal?.aborted) throw abortError(signal);
      throw loadFailed(file, 'the network did not answer or broke off', cause);
    }
  }
  return { bytes: concatBytes(...pieces), type };
}

function readJson(bytes: Uint8Array | undefined): unknown {
  try {
    return JSON.parse(utf8Decode(bytes ?? new Uint8Array()));
  } catch {
    return undefined;
  }
}

const fileName = (file: MlcFile): string => new URL(file.url).pathname.split('/').at(-1) ?? '';

const loadFailed = (file: MlcFile, what: string, cause?: unknown): TabloomError =>
  new TabloomError(
    'load-failed',
    `The model could not be fetched (${fileName(file)}): ${what}. Try again, or give another address; what has come is kept.`,
    { details: { url: file.url }, cause },
  );

const corrupt = (file: MlcFile, what: string): TabloomError =>
  new TabloomError('model-corrupt', `A file of the model (${fileName(file)}) is broken: ${what}. Load it again.`, {
    details: { url: file.url },
  });
