import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { needsOf } from '#lib/protocol/job.ts';
import type { Feature } from '#lib/protocol/kinds/spec.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { CallReader, ReadDelta } from './call-reader.ts';
import type { EngineEvent, EngineRequest, TextRequest } from './spec.ts';
import { createStopFilter, type RawPiece } from './stop-filter.ts';

/** A raw decoding run, before stop sequences and token counting are applied. */
export interface RawRun {
  readonly pieces: AsyncIterable<RawPiece>;
  /** Prompt tokens, resumed text included. Valid once the first piece has arrived or the pieces have ended. */
  tokensIn(): number;
  /** Why the pieces ended: an end-of-text token, or a token limit. */
  reason(): 'stop' | 'length';
}

/**
 * Narrows a request for engines that generate text. Enforces `features` here too, since not every caller checks them
 * and ignoring a requirement would change the answer.
 * @throws `bad-request` for another kind, `feature-unavailable`.
 */
export function textRequest(request: EngineRequest, features?: readonly Feature[]): TextRequest {
  if (request.kind !== 'chat' && request.kind !== 'completion') {
    throw new TabloomError('bad-request', `This engine does not support the kind "${request.kind}".`);
  }
  const lacking = features && needsOf(request).find((need) => !(features as readonly string[]).includes(need));
  if (lacking !== undefined) {
    throw new TabloomError('feature-unavailable', `This model does not support "${lacking}", which the request needs.`);
  }
  return request;
}

/**
 * Tokens this run may still produce. `maxTokens` covers the whole answer, resumed part included, so that a resumed
 * answer ends where an uninterrupted one does.
 */
export const tokensLeft = (request: TextRequest): number =>
  Math.max(0, request.params.maxTokens - (request.resume?.tokens ?? 0));

/** The error for a prompt that leaves no room for an answer. */
export const tooLong = (promptTokens: number, contextTokens: number): TabloomError =>
  new TabloomError(
    'too-long',
    `The prompt has ${promptTokens} tokens and the context, which must also hold the answer, ${contextTokens}. Shorten it.`,
    { details: { promptTokens, contextTokens } },
  );

/**
 * Turns a raw decoding run into engine events: applies stop sequences, separates tool calls from text if a reader is
 * given, counts delivered tokens, measures times and ends with one `finish`. `usage.tokensOut` is the sum of the parts'
 * `tokens`.
 */
export async function* answer(
  run: RawRun,
  options: {
    readonly stop?: readonly string[] | undefined;
    readonly calls?: CallReader | undefined;
    readonly clock: Clock;
    readonly startedMs: number;
  },
): AsyncGenerator<EngineEvent> {
  const { clock, startedMs, calls } = options;
  const filter = createStopFilter(options.stop ?? []);
  let tokensOut = 0;
  let firstMs: number | undefined;
  let lastMs = startedMs;
  let stopped = false;
  const deltas = (piece: RawPiece): readonly ReadDelta[] => {
    tokensOut += piece.tokens;
    return calls ? calls.push(piece) : [plainDelta(piece)];
  };

  for await (const piece of run.pieces) {
    lastMs = clock.elapsed();
    firstMs ??= lastMs;
    const { released, matched } = filter.push(piece);
    if (released.text !== '' || released.tokens > 0) yield* parts(deltas(released));
    if (matched) {
      stopped = true;
      break;
    }
  }
  if (!stopped) {
    const rest = filter.flush();
    if (rest.text !== '' || rest.tokens > 0) yield* parts(deltas(rest));
  }
  if (calls) yield* parts(calls.flush());
  const reason = stopped ? 'stop' : run.reason();
  yield {
    type: 'finish',
    reason: reason === 'stop' && calls && calls.calls > 0 ? 'tool-calls' : reason,
    usage: { tokensIn: run.tokensIn(), tokensOut },
    timings: {
      ttftMs: (firstMs ?? clock.elapsed()) - startedMs,
      decodeMs: firstMs === undefined ? 0 : lastMs - firstMs,
    },
  };
}

const plainDelta = ({ text, tokens, ids, logprobs = [] }: RawPiece): ReadDelta => ({
  part: { type: 'text-delta', text, tokens, ...(ids ? { ids: [...ids] } : {}) },
  logprobs,
});

function* parts(deltas: readonly ReadDelta[]): Generator<EngineEvent> {
  for (const { part, logprobs } of deltas) {
    yield part;
    for (let from = 0; from < logprobs.length; from += limits.logprobsPerPartMax) {
      yield { type: 'logprobs', items: logprobs.slice(from, from + limits.logprobsPerPartMax) };
    }
  }
}
