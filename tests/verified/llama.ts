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
  /** What generating and scoring took, in milliseconds and answer tokens. */
  readonly spent: { readonly generating: Spent; readonly scoring: Spent };
  close(): Promise<void>;
}

interface Spent {
  ms: number;
  tokens: number;
}

export async function openSharedLlama(): Promise<SharedLlama> {
  const folder = mkdtempSync(join(tmpdir(), 'tabloom-verified-'));
  const made = makeModel('dropped', folder);
  const engine = createLlamaEngine({ clock: systemClock, pathOf: () => modelFile });
  const otherEngine = createLlamaEngine({ clock: systemClock, pathOf: () => made.path });
  const model = await engine.load(demoModel, {});
  const other = await otherEngine.load(made.model, {});
  const queue = oneAfterTheOther();
  const spent = { generating: { ms: 0, tokens: 0 }, scoring: { ms: 0, tokens: 0 } };
  // Only what the model itself writes counts: a canned reply costs nothing.
  const loaded: LoadedModel = {
    ...model,
    async *doStream(request, options) {
      const startedAt = systemClock.elapsed();
      try {
        for await (const event of model.doStream(request, options)) {
          if (event.type === 'text-delta') spent.generating.tokens += event.tokens;
          yield event;
        }
      } finally {
        spent.generating.ms += systemClock.elapsed() - startedAt;
      }
    },
  };
  const inTurn: SharedLlama['inTurn'] = (doStream) => (request, options) =>
    serially(queue, () => doStream(request, options));
  return {
    loaded,
    other: other.doStream,
    inTurn,
    scorer: {
      has: (artefact) => artefact === demoModel.artefact,
      async score(_artefact, { kind, input, params }, { text, ids, ending }) {
        if (!ids) return undefined;
        const prompt = { kind, input, params } as TextRequest;
        const manner = mannerOf(prompt.params);
        const distribution = manner.type === 'sampled' ? { temperature: manner.temperature } : undefined;
        return queue(async () => {
          const startedAt = systemClock.elapsed();
          const scores = await model.score!({ prompt, answer: ids, text, ending, distribution }, {});
          spent.scoring.ms += systemClock.elapsed() - startedAt;
          spent.scoring.tokens += ids.length;
          return scores;
        });
      },
    },
    spent,
    async close() {
      await engine.close();
      await otherEngine.close();
      rmSync(folder, { recursive: true });
    },
  };
}

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
