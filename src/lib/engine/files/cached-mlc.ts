import { md5 } from '@noble/hashes/legacy.js';
import { abortError, throwIfAborted } from '#lib/base/abort.ts';
import { concatBytes, toHex } from '#lib/base/bytes.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { quotaExceeded } from './chunk-store.ts';
import type { MlcDocument, MlcShard } from './mlc-layout.ts';

export interface CachedFetchOptions {
  readonly fetch: typeof globalThis.fetch;
  readonly caches: CacheStorage;
  /** Called as bytes arrive. A cached document is reported only after it has been validated. */
  readonly onBytes: (bytes: number, from: Origin, file: MlcDocument | MlcShard) => void;
  readonly signal?: AbortSignal | undefined;
}

export type Origin = 'cache' | 'network';

/** Tokenizers are the largest, at tens of megabytes. */
const documentBytesMax = 64 * 1024 * 1024;

/**
 * Returns a document from its cache if it is valid there, else from the network. Only valid documents are cached: an
 * error page stored once would be served on every load.
 */
export async function loadDocument<T>(
  file: MlcDocument<T>,
  options: CachedFetchOptions,
): Promise<{ readonly value: T; readonly from: Origin }> {
  const cache = await options.caches.open(file.cache);
  const stored = await cache.match(file.url);
  if (stored) {
    const bytes = new Uint8Array(await stored.arrayBuffer());
    const value = file.read(bytes);
    if (value !== undefined) {
      options.onBytes(bytes.length, 'cache', file);
      return { value, from: 'cache' };
    }
    await cache.delete(file.url);
  }
  const { pieces, type } = await download(file, { atMost: documentBytesMax }, options);
  const value = file.read(concatBytes(...pieces));
  if (value === undefined) throw unexpectedContent(file);
  await store(cache, file, pieces, type);
  return { value, from: 'network' };
}

/**
 * Ensures that a shard is cached, checking downloads by length and hash. A cached shard is trusted by length; `check:
 * 'hash'` hashes it too, in case it was checked against a different list.
 */
export async function ensureShard(
  file: MlcShard,
  check: 'length' | 'hash',
  options: CachedFetchOptions,
): Promise<void> {
  const cache = await options.caches.open(file.cache);
  const stored = await (await cache.match(file.url))?.blob();
  if (stored) {
    if (stored.size === file.sizeBytes && (check === 'length' || (await isWhole(stored, file)))) {
      return options.onBytes(stored.size, 'cache', file);
    }
    await cache.delete(file.url);
  }
  const hash = md5.create();
  const { pieces, type } = await download(file, { exactly: file.sizeBytes }, options, (piece) => hash.update(piece));
  if (file.md5 !== undefined && toHex(hash.digest()) !== file.md5) throw corrupt(file, 'its hash does not match');
  await store(cache, file, pieces, type);
}

async function isWhole(stored: Blob, { md5: expected }: MlcShard): Promise<boolean> {
  if (expected === undefined) return true;
  const hash = md5.create();
  for await (const piece of stored.stream()) hash.update(piece);
  return toHex(hash.digest()) === expected;
}

/** Returns the pieces unjoined: joining a shard's pieces would hold it in memory twice. */
async function download(
  file: MlcDocument | MlcShard,
  size: { readonly exactly: number } | { readonly atMost: number },
  { fetch, onBytes, signal }: CachedFetchOptions,
  onPiece: (piece: Uint8Array) => void = () => undefined,
): Promise<{ readonly pieces: readonly Uint8Array<ArrayBuffer>[]; readonly type: string }> {
  throwIfAborted(signal);
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  const whole = 'exactly' in size ? size.exactly : undefined;
  const most = 'exactly' in size ? size.exactly : size.atMost;
  let length = 0;
  let type = 'application/octet-stream';
  try {
    const response = await fetch(file.url, signal ? { signal } : undefined);
    if (!response.ok || !response.body) throw loadFailed(file, `the server answered with status ${response.status}`);
    type = response.headers.get('content-type') ?? type;
    for await (const piece of response.body) {
      length += piece.length;
      if (length > most) throw corrupt(file, 'it is too long');
      pieces.push(piece);
      onPiece(piece);
      onBytes(piece.length, 'network', file);
    }
    if (whole !== undefined && length < whole) throw corrupt(file, 'it was cut short');
  } catch (cause) {
    if (cause instanceof TabloomError) throw cause;
    // The end of a body is signalled after its last byte; an abort in between must not discard a complete file.
    if (length !== whole) {
      if (signal?.aborted) throw abortError(signal);
      throw loadFailed(file, 'the network did not respond or the connection broke', cause);
    }
  }
  return { pieces, type };
}

async function store(
  cache: Cache,
  { url }: MlcDocument | MlcShard,
  pieces: readonly Uint8Array<ArrayBuffer>[],
  type: string,
): Promise<void> {
  try {
    await cache.put(url, new Response(new Blob([...pieces]), { headers: { 'content-type': type } }));
  } catch (cause) {
    if (cause instanceof Error && cause.name === 'QuotaExceededError') throw quotaExceeded(cause);
    throw new TabloomError('storage-unavailable', 'The browser could not store the model. Try again.', { cause });
  }
}

const fileName = ({ url }: MlcDocument | MlcShard): string => new URL(url).pathname.split('/').at(-1) ?? '';

const loadFailed = (file: MlcDocument | MlcShard, what: string, cause?: unknown): TabloomError =>
  new TabloomError(
    'load-failed',
    `The model could not be fetched (${fileName(file)}): ${what}. Try again, or give another address; what has arrived is kept.`,
    { details: { url: file.url }, cause },
  );

const corrupt = (file: MlcDocument | MlcShard, what: string): TabloomError =>
  new TabloomError('model-corrupt', `A file of the model (${fileName(file)}) is corrupt: ${what}. Load it again.`, {
    details: { url: file.url },
  });

const unexpectedContent = (file: MlcDocument): TabloomError =>
  new TabloomError(
    'model-corrupt',
    `The server sent something other than the model file ${fileName(file)}. Correct the address, or sign in to the network if it requires that, and load it again.`,
    { details: { url: file.url } },
  );
