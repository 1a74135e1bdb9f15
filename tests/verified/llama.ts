import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '#lib/base/clock.ts';
import { demoModel } from '#lib/engine/catalog.ts';
import type { EngineEvent, LoadedModel, TextRequest } from '#lib/engine/spec.ts';
import type { Scorer } from '#lib/peer/spec.ts';
import { mannerOf } from '#lib/trust/rescore.ts';
import { createLlamaEngine } from '../../relay/native/llama.ts';
import { makeModel, modelFile } from './models.ts';

/** The bundled model for all peers of one process, and a smaller model: each does one thing at a time. */
export interface SharedLlama {
  readonly loaded: LoadedModel;
  /** The bundled one without its last block. */
  readonly other: LoadedModel['doStream'];
  readonly inTurn: (doStream: LoadedModel['doStream']) => LoadedModel['doStream'];
  readonly scorer: Scorer;
  /** The same with other kernels; each asks for what it was asked for in turn. */
  readonly scorerOf: (score: NonNullable<LoadedModel['score']>) => Scorer;
  /** What generating and scoring these took with nothing beside it, in milliseconds for an answer token. */
  readonly measure: (
    requests: readonly TextRequest[],
  ) => Promise<{ readonly generating: number; readonly scoring: number }>;
  close(): Promise<void>;
}

/** As the product's scorer asks for it. */
function distributionOf({ params }: TextRequest) {
  const manner = mannerOf(params);
  return manner.type === 'sampled' ? { temperature: manner.temperature } : undefined;
}

export async function openSharedLlama(): Promise<SharedLlama> {
  const folder = mkdtempSync(join(tmpdir(), 'tabloom-verified-'));
  const made = makeModel('dropped', folder);
  const engine = createLlamaEngine({ clock: systemClock, pathOf: () => modelFile });
  const otherEngine = createLlamaEngine({ clock: systemClock, pathOf: () => made.path });
  const model = await engine.load(demoModel, {});
  const other = await otherEngine.load(made.model, {});
  const queue = oneAfterTheOther();
  const loaded = model;
  const inTurn: SharedLlama['inTurn'] = (doStream) => (request, options) =>
    serially(queue, () => doStream(request, options));
  return {
    loaded,
    other: other.doStream,
    inTurn,
    scorer: scorerOf((asked, options) => queue(() => model.score!(asked, options))),
    scorerOf,
    async measure(requests) {
      let [generating, scoring, tokens] = [0, 0, 0];
      // The first is not counted: what is loaded once is no part of an answer.
      for (const [at, prompt] of [requests[0]!, ...requests].entries()) {
        const ids: number[] = [];
        const startedAt = systemClock.elapsed();
        for await (const event of model.doStream(prompt, {}))
          if (event.type === 'text-delta') ids.push(...(event.ids ?? []));
        const answeredAt = systemClock.elapsed();
        await model.score!({ prompt, answer: ids, ending: 'length', distribution: distributionOf(prompt) }, {});
        if (at === 0) continue;
        generating += answeredAt - startedAt;
        scoring += systemClock.elapsed() - answeredAt;
        tokens += ids.length;
      }
      return { generating: generating / tokens, scoring: scoring / tokens };
    },
    async close() {
      await engine.close();
      await otherEngine.close();
      rmSync(folder, { recursive: true });
    },
  };
}

const scorerOf = (score: NonNullable<LoadedModel['score']>): Scorer => ({
  has: (artefact) => artefact === demoModel.artefact,
  async score(_artefact, { kind, input, params }, { text, ids, ending }) {
    if (!ids) return undefined;
    const prompt = { kind, input, params } as TextRequest;
    return score({ prompt, answer: ids, text, ending, distribution: distributionOf(prompt) }, {});
  },
});

function oneAfterTheOther() {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(run: () => Promise<T>): Promise<T> => {
    const next = last.then(run, run);
    last = next.catch(() => undefined);
    return next;
  };
}

async function* serially(
  queue: ReturnType<typeof oneAfterTheOther>,
  start: () => AsyncIterable<EngineEvent>,
): AsyncGenerator<EngineEvent> {
  const [mine, over] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  void queue(async () => {
    mine.resolve();
    await over.promise;
  });
  await mine.promise;
  try {
    yield* start();
  } finally {
    over.resolve();
  }
}
