import { TabloomError } from '#lib/base/errors.ts';

/**
 * Where the pieces of model files lie, by the file's SHA-256. Pieces are numbered from 0 and may differ in size.
 * Errors: `quota-exceeded`, `storage-unavailable`.
 */
export interface ChunkStore {
  /** The pieces from 0 up to the first that is missing. */
  read(sha256: string): Promise<readonly Blob[]>;
  put(file: StoredFileKey, index: number, bytes: Uint8Array): Promise<void>;
  delete(sha256: string): Promise<void>;
  list(): Promise<readonly StoredFile[]>;
}

export interface StoredFileKey {
  readonly sha256: string;
  /** Of the whole file. */
  readonly sizeBytes: number;
}

export interface StoredFile extends StoredFileKey {
  readonly storedBytes: number;
}

/** In memory: for tests, and for browsers that refuse storage (private windows). */
export function memoryChunkStore(options: { readonly quotaBytes?: number } = {}): ChunkStore {
  const files = new Map<string, { readonly sizeBytes: number; readonly pieces: Map<number, Uint8Array> }>();
  const stored = (pieces: Map<number, Uint8Array>) =>
    [...pieces.values()].reduce((sum, piece) => sum + piece.length, 0);
  return {
    async read(sha256) {
      const pieces = files.get(sha256)?.pieces;
      const blobs: Blob[] = [];
      for (let index = 0; pieces?.has(index); index++) blobs.push(new Blob([Uint8Array.from(pieces.get(index)!)]));
      return blobs;
    },
    async put({ sha256, sizeBytes }, index, bytes) {
      const used = [...files.values()].reduce((sum, file) => sum + stored(file.pieces), 0);
      if (used + bytes.length > (options.quotaBytes ?? Infinity)) throw quotaExceeded(undefined);
      const file = files.get(sha256) ?? { sizeBytes, pieces: new Map<number, Uint8Array>() };
      files.set(sha256, file);
      file.pieces.set(index, bytes.slice());
    },
    async delete(sha256) {
      files.delete(sha256);
    },
    async list() {
      return [...files].map(([sha256, { sizeBytes, pieces }]) => ({ sha256, sizeBytes, storedBytes: stored(pieces) }));
    },
  };
}

export const quotaExceeded = (cause: unknown): TabloomError =>
  new TabloomError(
    'quota-exceeded',
    'This browser has no room left for the model. Delete another model or free disk space, then try again.',
    { cause },
  );
