/// <reference lib="webworker" />
import { systemClock } from '#lib/base/clock.ts';
import { createScriptedEngine } from '#lib/engine/scripted.ts';
import { serveEngine } from '#lib/engine/worker/host.ts';

declare const self: DedicatedWorkerGlobalScope;

// For tests and benchmarks: the model name sets the rate, for example `scripted-30` or `scripted-300`.
serveEngine(self, createScriptedEngine({ clock: systemClock, answerTokens: 400 }));
