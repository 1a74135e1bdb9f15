/// <reference lib="webworker" />
import { systemClock } from '#lib/base/clock.ts';
import { cacheChunkStore } from '#lib/engine/files/cache-chunk-store.ts';
import { memoryChunkStore } from '#lib/engine/files/chunk-store.ts';
import { serveEngine } from '#lib/engine/worker/host.ts';
import wasmUrl from '@wllama/wllama/esm/wasm/wllama.wasm?url';
import { createWllamaEngine } from './wllama/engine.ts';

declare const self: DedicatedWorkerGlobalScope;

serveEngine(
  self,
  createWllamaEngine({
    wasmUrl,
    clock: systemClock,
    fetch: self.fetch.bind(self),
    // Browsers hide `caches` in insecure contexts and some private windows; the model is then fetched on every load.
    store: 'caches' in self ? cacheChunkStore(self.caches) : memoryChunkStore(),
    pageUrl: self.location.href,
  }),
);
