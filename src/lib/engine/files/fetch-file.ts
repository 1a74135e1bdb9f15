import { sha256 } from '@noble/hashes/sha2.js';
import { abortError, throwIfAborted } from '#lib/base/abort.ts';
import { concatBytes, toHex } from '#lib/base/bytes.ts';
import { TabloomError } from '#lib/base/errors.ts';
import type { ProgressMeter } from '../progress.ts';
import type { ChunkStore } from './chunk-store.ts';
import { openDownload } from './open-download.ts';

export interface ModelFile {
  readonly url: string;
  readonly sizeBytes: number;
  /** 64 lower-case hexadecimal digits. */
  readonly sha256: string;
}

export interface FetchFileOptions {
  readonly fetch: typeof globalThis.fetch;
  readonly store: ChunkStore;
  readonly onProgress: ProgressMeter;
  readonly signal?: AbortSignal | undefined;
}

/** Bytes buffered before they are stored. */
const pieceBytes = 4 * 1024 * 1024;

/**
 * Returns a model file, complete and verified by size and hash. Uses the pieces already stored and fetches the rest
 * with a range request. An interrupted download keeps what has arrived; a wrong size or hash discards everything.
 * Errors: `load-failed`, `model-corrupt`, `quota-exceeded`, `storage-unavailable`, `aborted`.
 */
export async function fetchFile(file: ModelFile, options: FetchFileOptions): Promise<Blob> {
  const { store, onProgress, signal } = options;
  throwIfAborted(signal);
  const hasher = sha256.create();
  let pieces = [...(await store.read(file.sha256))];
  if (sizeOf(pieces) > file.sizeBytes) {
    await store.delete(file.sha256);
    pieces = [];
  }
  let loadedBytes = 0;
  const total = { totalBytes: file.sizeBytes };
  for (const piece of pieces) {
    throwIfAborted(signal);
    hasher.update(new Uint8Array(await piece.arrayBuffer()));
    loadedBytes += piece.size;
    onProgress({ phase: 'cache', loadedBytes, ...total, fromCache: true });
  }

  const fromCache = loadedBytes === file.sizeBytes;
  if (!fromCache) {
    const gathered: Uint8Array[] = [];
    const flush = async () => {
      const bytes = concatBytes(...gathered);
      gathered.length = 0;
      if (bytes.length === 0) return;
      await store.put(file, sizeOf(pieces), bytes);
      pieces.push(new Blob([Uint8Array.from(bytes)]));
    };
    try {
      for await (const bytes of openDownload(file, loadedBytes, options)) {
        loadedBytes += bytes.length;
        if (loadedBytes > file.sizeBytes) throw corrupt(file, 'it is too long');
        hasher.update(bytes);
        gathered.push(bytes);
        onProgress({ phase: 'download', loadedBytes, ...total, fromCache: false });
        if (gathered.reduce((sum, part) => sum + part.length, 0) >= pieceBytes) await flush();
      }
      await flush();
      if (loadedBytes < file.sizeBytes) throw corrupt(file, 'it was cut short');
    } catch (error) {
      if (keepsWhatCame(error)) await flush().catch(() => undefined);
      else await store.delete(file.sha256).catch(() => undefined);
      if (signal?.aborted) throw abortError(signal);
      throw error;
    }
  }

  onProgress({ phase: 'verify', loadedBytes, ...total, fromCache });
  if (toHex(hasher.digest()) !== file.sha256) {
    await store.delete(file.sha256);
    throw corrupt(file, 'its hash does not match');
  }
  return new Blob(pieces);
}

const sizeOf = (pieces: readonly Blob[]): number => pieces.reduce((sum, piece) => sum + piece.size, 0);

const keepsWhatCame = (error: unknown): boolean =>
  !(error instanceof TabloomError) || error.code === 'load-failed' || error.code === 'aborted';

const corrupt = (file: ModelFile, what: string): TabloomError =>
  new TabloomError(
    'model-corrupt',
    `The model file is not the expected one: ${what}. It was discarded; load it again or report it to the publisher.`,
    { details: { url: file.url } },
  );
