import { z } from 'zod';
import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { promptLength } from '#lib/protocol/job.ts';
import { estimateTokens } from '#lib/protocol/tokens.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { EngineEvent, RequestOf } from '../spec.ts';
import { unitVector } from '../vector.ts';
import { readText } from './chunk.ts';
import type { ServerResponse } from './server-url.ts';

const answerSchema = z.looseObject({
  data: z.array(
    z.looseObject({
      index: z.number().int().min(0).nullish(),
      embedding: z.array(z.number()).min(1).max(limits.embeddingDimensionsMax),
    }),
  ),
  usage: z
    .looseObject({ prompt_tokens: z.number().min(0) })
    .nullish()
    .catch(undefined),
});

/** The request body for `/embeddings`. */
export const embeddingBody = ({ input, params }: RequestOf<'embedding'>, model: string) => ({
  model,
  input: input.texts,
  encoding_format: 'float',
  dimensions: params.dimensions,
});

/**
 * The server's vectors, normalised to unit length, one per text in order.
 * @throws `engine-failed` for anything that is not OpenAI's protocol.
 */
export async function* embeddingAnswer(
  response: ServerResponse,
  request: RequestOf<'embedding'>,
  { clock, startedMs }: { readonly clock: Clock; readonly startedMs: number },
): AsyncGenerator<EngineEvent> {
  const { data, usage } = readAnswer(await readText(response));
  const sorted = data.map((one, at) => ({ at: one.index ?? at, vector: one.embedding })).sort((a, b) => a.at - b.at);
  if (sorted.length !== request.input.texts.length || sorted.some(({ at }, index) => at !== index)) {
    throw new TabloomError('engine-failed', 'The model server did not return a vector for every text.');
  }
  for (const { at, vector } of sorted) yield { type: 'embedding', index: at, vector: unitVector(vector) };
  yield {
    type: 'finish',
    reason: 'stop',
    usage: {
      tokensIn: Math.floor(usage?.prompt_tokens ?? estimateTokens(promptLength(request), 'typical')),
      tokensOut: 0,
    },
    timings: { ttftMs: clock.elapsed() - startedMs, decodeMs: 0 },
  };
}

function readAnswer(text: string): z.output<typeof answerSchema> {
  try {
    return answerSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new TabloomError('engine-failed', 'The model server’s embeddings do not follow the OpenAI protocol.', {
      cause,
    });
  }
}
