import { TabloomError } from '#lib/base/errors.ts';

/**
 * Stores model files in pieces, keyed by the file's SHA-256 and the piece's offset. Piece sizes may vary: two tabs
 * storing the same file at once may split it differently, and it still reads back whole. Errors: `quota-exceeded`,
 * `storage-unavailable`.
 */
export interface ChunkStore {
  /** The contiguous pieces from the start of the file. */
  read(sha256: string): Promise<readonly Blob[]>;
  /** Stores the bytes that start at this offset. */
  put(file: StoredFileKey, offsetBytes: number, bytes: Uint8Array): Promise<void>;
  delete(sha256: string): Promise<void>;
  list(): Promise<readonly StoredFile[]>;
}

export interface StoredFileKey {
  readonly sha256: string;
  /** Size of the whole file. */
  readonly sizeBytes: number;
}

export interface StoredFile extends StoredFileKey {
  /** Contiguous bytes from the start of the file. */
  readonly storedBytes: number;
}

/** Where the contiguous run of pieces from offset 0 ends. `lengths` maps offset to length. */
export function contiguousEnd(lengths: ReadonlyMap<number, number>): number {
  let offset = 0;
  for (let length = lengths.get(0); length; length = lengths.get(offset)) offset += length;
  return offset;
}

/** In memory, for tests and for browsers that deny storage (private windows). */
export function memoryChunkStore(options: { readonly quotaBytes?: number } = {}): ChunkStore {
  const files = new Map<string, { readonly sizeBytes: number; readonly pieces: Map<number, Uint8Array> }>();
  const used = () =>
    [...files.values()].flatMap(({ pieces }) => [...pieces.values()]).reduce((sum, piece) => sum + piece.length, 0);
  return {
    async read(sha256) {
      const pieces = files.get(sha256)?.pieces;
      const blobs: Blob[] = [];
      let offset = 0;
      for (let piece = pieces?.get(0); piece; piece = pieces?.get(offset)) {
        blobs.push(new Blob([Uint8Array.from(piece)]));
        offset += piece.length;
      }
      return blobs;
    },
    async put({ sha256, sizeBytes }, offsetBytes, bytes) {
      if (used() + bytes.length > (options.quotaBytes ?? Infinity)) throw quotaExceeded(undefined);
      const file = files.get(sha256) ?? { sizeBytes, pieces: new Map<number, Uint8Array>() };
      files.set(sha256, file);
      file.pieces.set(offsetBytes, bytes.slice());
    },
    async delete(sha256) {
      files.delete(sha256);
    },
    async list() {
      return [...files].map(([sha256, { sizeBytes, pieces }]) => ({
        sha256,
        sizeBytes,
        storedBytes: contiguousEnd(new Map([...pieces].map(([offset, piece]) => [offset, piece.length]))),
      }));
    },
  };
}

export const quotaExceeded = (cause: unknown): TabloomError =>
  new TabloomError(
    'quota-exceeded',
    'The browser has no storage left for the model. Delete another model or free disk space, then try again.',
    { cause },
  );
