import { TabloomError } from '#lib/base/errors.ts';
import { contiguousEnd, quotaExceeded, type ChunkStore } from './chunk-store.ts';

/** Change the name when the layout changes. */
const cacheName = 'tabloom-models-1';
/** Cache keys must be URLs; `.invalid` can never be fetched. */
const origin = 'https://models.tabloom.invalid/';
const sizeHeader = 'x-tabloom-file-bytes';
const lengthHeader = 'x-tabloom-piece-bytes';

/** {@link ChunkStore} in the browser's Cache API: works in pages and workers, and offline. */
export function cacheChunkStore(caches: CacheStorage): ChunkStore {
  const open = async () => {
    try {
      return await caches.open(cacheName);
    } catch (cause) {
      throw new TabloomError(
        'storage-unavailable',
        'This browser does not let the page store models. Leave private browsing or allow site data.',
        { cause },
      );
    }
  };
  const keyOf = (sha256: string, offsetBytes: number) => `${origin}${sha256}/${offsetBytes}`;

  return {
    async read(sha256) {
      const cache = await open();
      const blobs: Blob[] = [];
      let offset = 0;
      for (;;) {
        const blob = await (await cache.match(keyOf(sha256, offset)))?.blob();
        if (!blob || blob.size === 0) return blobs;
        blobs.push(blob);
        offset += blob.size;
      }
    },
    async put({ sha256, sizeBytes }, offsetBytes, bytes) {
      const cache = await open();
      const headers = { [sizeHeader]: String(sizeBytes), [lengthHeader]: String(bytes.length) };
      try {
        await cache.put(keyOf(sha256, offsetBytes), new Response(Uint8Array.from(bytes), { headers }));
      } catch (cause) {
        if (cause instanceof Error && cause.name === 'QuotaExceededError') throw quotaExceeded(cause);
        throw new TabloomError('storage-unavailable', 'The browser could not store the model. Try again.', { cause });
      }
    },
    async delete(sha256) {
      const cache = await open();
      for (const request of await cache.keys()) {
        if (request.url.startsWith(`${origin}${sha256}/`)) await cache.delete(request);
      }
    },
    async list() {
      const cache = await open();
      const files = new Map<string, { readonly sizeBytes: number; readonly lengths: Map<number, number> }>();
      for (const request of await cache.keys()) {
        const [, sha256, offset] = /^[^/]+\/\/[^/]+\/([0-9a-f]{64})\/(\d+)$/.exec(request.url) ?? [];
        const response = sha256 ? await cache.match(request) : undefined;
        if (!sha256 || !response) continue;
        const sizeBytes = Number(response.headers.get(sizeHeader) ?? 0);
        const file = files.get(sha256) ?? { sizeBytes, lengths: new Map<number, number>() };
        file.lengths.set(Number(offset), Number(response.headers.get(lengthHeader) ?? 0));
        files.set(sha256, file);
      }
      return [...files].map(([sha256, { sizeBytes, lengths }]) => ({
        sha256,
        sizeBytes,
        storedBytes: contiguousEnd(lengths),
      }));
    },
  };
}
