/// <reference lib="webworker" />
import { systemClock } from '#lib/base/clock.ts';
import { serveEngine } from '#lib/engine/worker/host.ts';
import { createWebllmEngine } from './webllm/engine.ts';
import { watchDevices } from './webllm/watch-devices.ts';

declare const self: DedicatedWorkerGlobalScope;

serveEngine(
  self,
  createWebllmEngine({
    clock: systemClock,
    fetch: self.fetch.bind(self),
    caches: self.caches,
    navigator: self.navigator,
    deviceLost: watchDevices({ GPUAdapter: globalThis.GPUAdapter }),
  }),
);
