import { throwIfAborted } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { tooLong } from '#lib/engine/answer.ts';
import type { EngineEvent, RequestOf } from '#lib/engine/spec.ts';
import { embeddingEvents } from '#lib/engine/vector.ts';
import type { LlamaEmbeddingContext, LlamaModel } from 'node-llama-cpp';
import { tokenize } from './tokens.ts';

/** Texts as vectors, one after the other. @throws `too-long`, `bad-request` for a number of dimensions. */
export async function* embedLlama(
  { input, params }: RequestOf<'embedding'>,
  {
    model,
    openContext,
    clock,
    contextTokens,
    signal,
  }: {
    readonly model: LlamaModel;
    readonly openContext: () => Promise<LlamaEmbeddingContext>;
    readonly clock: Clock;
    readonly contextTokens: number;
    readonly signal: AbortSignal;
  },
): AsyncGenerator<EngineEvent> {
  const startedMs = clock.elapsed();
  if (params.dimensions !== undefined) {
    throw new TabloomError('bad-request', 'This model has one number of dimensions. Leave "dimensions" out.');
  }
  const texts = input.texts.map((text) => tokenize(model, text));
  const longest = Math.max(...texts.map(({ length }) => length));
  if (longest >= contextTokens) throw tooLong(longest, contextTokens);
  const context = await openContext();
  yield* embeddingEvents(vectors(), { tokensIn: texts.reduce((sum, { length }) => sum + length, 0), clock, startedMs });

  async function* vectors() {
    for (const tokens of texts) {
      throwIfAborted(signal);
      const { vector } = await context.getEmbeddingFor([...tokens]);
      throwIfAborted(signal);
      yield vector;
    }
  }
}
