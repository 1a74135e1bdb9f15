import { describe, test } from 'vitest';
import { systemClock } from '#lib/base/clock.ts';
import { demoModel } from '#lib/engine/catalog.ts';
import { scriptedModel } from '#lib/engine/catalog/scripted.ts';
import { createScriptedEngine } from '#lib/engine/scripted.ts';
import { createWorkerEngine } from '#lib/engine/worker/client.ts';
import { serveEngine } from '#lib/engine/worker/host.ts';
import { memoryWorker } from '#lib/engine/worker/memory.fixture.ts';
import { engineCases, type EngineSubject } from '../../compliance/engine.ts';

const scripted: EngineSubject = {
  createEngine: () => createScriptedEngine({ clock: systemClock, contextTokens: 256 }),
  model: scriptedModel(0),
  bad: { model: demoModel, code: 'model-unknown' },
  resume: 'exact',
  context: 'counted',
  kinds: ['chat', 'completion', 'embedding'],
};

const inWorker: EngineSubject = {
  ...scripted,
  createEngine: () =>
    createWorkerEngine({
      info: { name: 'scripted', build: '', deviceClass: 'scripted' },
      clock: systemClock,
      spawn: () =>
        memoryWorker((port) => serveEngine(port, createScriptedEngine({ clock: systemClock, contextTokens: 256 }))),
    }),
};

describe.each([
  ['scripted', scripted],
  ['scripted behind a worker', inWorker],
] as const)('%s keeps the engine contract', (_, subject) => {
  for (const { name, run } of engineCases) test(name, () => run(subject));
});
