import { expect, test } from 'vitest';
import { systemClock } from '#lib/base/clock.ts';
import { demoModel, scriptedModel } from '#lib/engine/catalog.ts';
import { createScriptedEngine } from '#lib/engine/scripted.ts';
import type { EngineEvent, EngineRequest, LoadedModel } from '#lib/engine/spec.ts';
import { engineCases, type EngineSubject } from './engine.ts';

type DoStream = LoadedModel['doStream'];

/** The scripted engine with tampered streams. */
const tampered = (tamper: (doStream: DoStream) => DoStream): EngineSubject => ({
  createEngine: () => {
    const engine = createScriptedEngine({ clock: systemClock, contextTokens: 256 });
    return {
      ...engine,
      load: async (model, options) => {
        const loaded = await engine.load(model, options);
        return { ...loaded, doStream: tamper(loaded.doStream) };
      },
    };
  },
  model: scriptedModel(0),
  bad: { model: demoModel, code: 'model-unknown' },
  resume: 'exact',
  context: 'counted',
  kinds: ['chat', 'completion', 'embedding'],
});

const each =
  (change: (event: EngineEvent) => readonly EngineEvent[]) =>
  (doStream: DoStream): DoStream =>
    async function* (request, options) {
      for await (const event of doStream(request, options)) yield* change(event);
    };

const asked =
  (change: (request: EngineRequest) => EngineRequest) =>
  (doStream: DoStream): DoStream =>
  (request, options) =>
    doStream(change(request), options);

/** Engine defects, and the case that must detect each. */
const defects: readonly (readonly [string, string, (doStream: DoStream) => DoStream])[] = [
  ['finishes twice', 'streams an answer', each((event) => (event.type === 'finish' ? [event, event] : [event]))],
  ['never finishes', 'streams an answer', each((event) => (event.type === 'finish' ? [] : [event]))],
  [
    'counts wrong',
    'streams an answer',
    each((event) =>
      event.type === 'finish'
        ? [{ ...event, usage: { ...event.usage, tokensOut: event.usage.tokensOut + 1 } }]
        : [event],
    ),
  ],
  [
    'ignores maxTokens',
    'ends with length',
    asked(({ params, ...request }) => ({ ...request, params: { ...params, maxTokens: 99 } }) as EngineRequest),
  ],
  [
    'ignores stop',
    'cuts before',
    asked(({ params, ...request }) => ({ ...request, params: { ...params, stop: [] } }) as EngineRequest),
  ],
  [
    'ignores the seed',
    'is deterministic',
    asked(({ params, ...request }) => ({ ...request, params: { ...params, seed: 1 } }) as EngineRequest),
  ],
  ['ignores the signal', 'aborts mid-answer', (doStream) => (request) => doStream(request, {})],
  ['starts over', 'resumes from', asked((request) => ({ ...request, resume: undefined }))],
  [
    'reports an abort as an end',
    'aborts mid-answer',
    (doStream) =>
      async function* (request, options) {
        try {
          yield* doStream(request, options);
        } catch {
          const timings = { ttftMs: 0, decodeMs: 0 };
          yield { type: 'finish', reason: 'stop', usage: { tokensIn: 1, tokensOut: 1 }, timings };
        }
      },
  ],
];

test.each(defects)('an engine that %s is detected', async (_, name, tamper) => {
  const found = engineCases.find((one) => one.name.startsWith(name));
  await expect(found!.run(tampered((doStream) => doStream))).resolves.toBeUndefined();
  await expect(found!.run(tampered(tamper))).rejects.toThrow();
});
