import { sha256 } from '@noble/hashes/sha2.js';
import { describe, expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { toHex } from '#lib/base/bytes.ts';
import { errorCode } from '#lib/base/errors.ts';
import { createProgressMeter } from '../progress.ts';
import type { LoadProgress } from '../spec.ts';
import { memoryChunkStore, type ChunkStore } from './chunk-store.ts';
import { cacheChunkStore } from './cache-chunk-store.ts';
import { fetchFile } from './fetch-file.ts';
import { memoryCaches } from './memory-caches.fixture.ts';

const bytes = Uint8Array.from({ length: 10_000 }, (_, i) => (i * 7) % 251);
const file = { url: 'https://example.test/model.gguf', sizeBytes: bytes.length, sha256: toHex(sha256(bytes)) };

interface ServerOptions {
  readonly content?: Uint8Array;
  readonly ranges?: 'honoured' | 'ignored' | 'wrong';
  readonly status?: number;
  /** The connection breaks after this many bytes of a response. */
  readonly breakAfter?: number;
}

/** A fetch that serves one file and records the requested ranges. */
function server(options: ServerOptions = {}) {
  const asked: (string | null)[] = [];
  const { content = bytes, ranges = 'honoured' } = options;
  const fetch: typeof globalThis.fetch = async (_url, init) => {
    init?.signal?.throwIfAborted();
    const range = new Headers(init?.headers).get('range');
    asked.push(range);
    if (options.status) return new Response('no', { status: options.status });
    const from = range && ranges !== 'ignored' ? Number(/\d+/.exec(range)?.[0]) : 0;
    let at = from;
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull(controller) {
        if (options.breakAfter !== undefined && at - from >= options.breakAfter) {
          return controller.error(new TypeError('network'));
        }
        if (at >= content.length) return controller.close();
        controller.enqueue(Uint8Array.from(content.slice(at, at + 1_000)));
        at += 1_000;
      },
    });
    const start = ranges === 'wrong' ? from + 1 : from;
    return new Response(body, {
      status: range && ranges !== 'ignored' ? 206 : 200,
      headers:
        range && ranges !== 'ignored'
          ? { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` }
          : {},
    });
  };
  return { fetch, asked };
}

async function get(store: ChunkStore, fetch: typeof globalThis.fetch, signal?: AbortSignal) {
  const steps: LoadProgress[] = [];
  const onProgress = createProgressMeter(manualClock(), (step) => steps.push(step));
  try {
    const blob = await fetchFile(file, { fetch, store, onProgress, signal });
    return { code: 'ok', bytes: new Uint8Array(await blob.arrayBuffer()), steps };
  } catch (error) {
    return { code: errorCode(error), bytes: undefined, steps };
  }
}

const storedBytes = async (store: ChunkStore) => (await store.list())[0]?.storedBytes ?? 0;

describe('fetching a model file', () => {
  test('returns the whole file, stores it, and needs no network the next time', async () => {
    const store = memoryChunkStore();
    const { fetch, asked } = server();
    const first = await get(store, fetch);
    expect(first.bytes).toEqual(bytes);
    expect(first.steps.at(-1)).toMatchObject({
      phase: 'verify',
      loadedBytes: 10_000,
      totalBytes: 10_000,
      fromCache: false,
    });
    const second = await get(store, fetch);
    expect(second.bytes).toEqual(bytes);
    expect(second.steps.map(({ phase }) => phase)).toEqual(['cache', 'verify']);
    expect(asked).toEqual([null]);
  });

  test.each(['honoured', 'ignored'] as const)('resumes after a broken connection, ranges %s', async (ranges) => {
    const store = memoryChunkStore();
    expect((await get(store, server({ breakAfter: 4_000 }).fetch)).code).toBe('load-failed');
    expect(await storedBytes(store)).toBe(4_000);
    const { fetch, asked } = server({ ranges });
    expect((await get(store, fetch)).bytes).toEqual(bytes);
    expect(asked).toEqual(['bytes=4000-']);
  });

  test('keeps what has arrived when cancelled', async () => {
    const store = memoryChunkStore();
    const controller = new AbortController();
    const { fetch } = server();
    const cut: typeof globalThis.fetch = async (url, init) => {
      const response = await fetch(url, init);
      const reader = response.body!.getReader();
      let read = 0;
      return new Response(
        new ReadableStream({
          async pull(stream) {
            if (read === 3) {
              controller.abort();
              return stream.error(new DOMException('stopped', 'AbortError'));
            }
            read += 1;
            stream.enqueue((await reader.read()).value!);
          },
        }),
      );
    };
    expect((await get(store, cut, controller.signal)).code).toBe('aborted');
    expect(await storedBytes(store)).toBe(3_000);
  });

  test.each([
    ['cut short', bytes.slice(0, 9_000)],
    ['too long', new Uint8Array(10_001)],
    ['of other bytes', new Uint8Array(10_000)],
  ])('rejects a file that is %s and keeps nothing', async (_, content) => {
    const store = memoryChunkStore();
    expect((await get(store, server({ content }).fetch)).code).toBe('model-corrupt');
    expect(await store.list()).toEqual([]);
  });

  test('rejects wrong stored pieces and recovers on the next attempt', async () => {
    const store = memoryChunkStore();
    await store.put(file, 0, new Uint8Array(5_000));
    expect((await get(store, server().fetch)).code).toBe('model-corrupt');
    expect((await get(store, server().fetch)).code).toBe('ok');
    await store.put(file, 10_000, new Uint8Array(5));
    expect((await get(store, server().fetch)).code).toBe('ok');
  });

  test('reports a full quota', async () => {
    const store = memoryChunkStore({ quotaBytes: 5_000 });
    expect((await get(store, server().fetch)).code).toBe('quota-exceeded');
    expect(await store.list()).toEqual([]);
  });

  test.each([[{ status: 404 }], [{ status: 500 }]])('reports a server error: %o', async (options) => {
    expect((await get(memoryChunkStore(), server(options).fetch)).code).toBe('load-failed');
  });

  test('rejects a response with a different range', async () => {
    const store = memoryChunkStore();
    await store.put(file, 0, bytes.slice(0, 4_000));
    expect((await get(store, server({ ranges: 'wrong' }).fetch)).code).toBe('load-failed');
    expect(await storedBytes(store)).toBe(4_000);
  });

  test.each([
    ['memory', () => memoryChunkStore()],
    ['the caches', () => cacheChunkStore(memoryCaches())],
  ])('reassembles a file from pieces stored by two tabs, in %s', async (_, createStore) => {
    const store = createStore();
    const put = (from: number, to: number) => store.put(file, from, bytes.slice(from, to));
    // One tab split it at 3,000 and 6,000, the other at 4,500 and 7,000; both were interrupted.
    await put(0, 3_000);
    await put(0, 4_500);
    await put(3_000, 6_000);
    await put(4_500, 7_000);
    expect(await storedBytes(store)).toBe(7_000);
    const { fetch, asked } = server();
    expect((await get(store, fetch)).bytes).toEqual(bytes);
    expect(asked).toEqual(['bytes=7000-']);
    expect(await storedBytes(store)).toBe(10_000);
    await store.delete(file.sha256);
    expect(await store.list()).toEqual([]);
  });

  test('does nothing if the signal has already aborted', async () => {
    const { fetch, asked } = server();
    expect((await get(memoryChunkStore(), fetch, AbortSignal.abort())).code).toBe('aborted');
    expect(asked).toEqual([]);
  });
});
