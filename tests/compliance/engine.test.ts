import { expect, test } from 'vitest';
import { systemClock } from '#lib/base/clock.ts';
import { demoModel, scriptedModel } from '#lib/engine/catalog.ts';
import { createScriptedEngine } from '#lib/engine/scripted.ts';
import type { EngineEvent, EngineRequest, LoadedModel } from '#lib/engine/spec.ts';
import { engineCases, type EngineSubject } from './engine.ts';

type DoStream = LoadedModel['doStream'];

/** The scripted engine with its streams spoilt. */
const spoilt = (spoil: (doStream: DoStream) => DoStream): EngineSubject => ({
  createEngine: () => {
    const engine = createScriptedEngine({ clock: systemClock, contextTokens: 256 });
    return {
      ...engine,
      load: async (model, options) => {
        const loaded = await engine.load(model, options);
        return { ...loaded, doStream: spoil(loaded.doStream) };
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

/** What an engine may do wrong, and the case that must notice. */
const sins: readonly (readonly [string, string, (doStream: DoStream) => DoStream])[] = [
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
    'repeats itself',
    asked(({ params, ...request }) => ({ ...request, params: { ...params, seed: 1 } }) as EngineRequest),
  ],
  ['ignores the signal', 'stops in the middle', (doStream) => (request) => doStream(request, {})],
  ['begins anew', 'goes on from', asked((request) => ({ ...request, resume: undefined }))],
  [
    'reports an abort as an end',
    'stops in the middle',
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

test.each(sins)('an engine that %s is found out', async (_, name, spoil) => {
  const found = engineCases.find((one) => one.name.startsWith(name));
  await expect(found!.run(spoilt((doStream) => doStream))).resolves.toBeUndefined();
  await expect(found!.run(spoilt(spoil))).rejects.toThrow();
});
