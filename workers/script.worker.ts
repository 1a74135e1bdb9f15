/// <reference lib="webworker" />
import wasmUrl from '@jitl/quickjs-wasmfile-release-sync/wasm?url';
import { systemClock } from '#lib/base/clock.ts';
import { createScriptRunner } from './script/run-script.ts';

declare const self: DedicatedWorkerGlobalScope;

// One script, then the page ends the worker.
const run = await createScriptRunner(wasmUrl, () => systemClock.elapsed());
self.onmessage = ({ data }: MessageEvent<string>) => self.postMessage(run(data));
self.postMessage('ready');
