/// <reference lib="webworker" />
import { systemClock } from '#lib/base/clock.ts';
import { createScriptedEngine } from '#lib/engine/scripted.ts';
import { serveEngine } from '#lib/engine/worker/host.ts';

declare const self: DedicatedWorkerGlobalScope;

// For tests and measurements: the rate comes with the model, `scripted-30`, `scripted-100`, `scripted-300`.
serveEngine(self, createScriptedEngine({ clock: systemClock, answerTokens: 400 }));
