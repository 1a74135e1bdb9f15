import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import type { EngineEvent, EngineRequest, TextRequest } from './spec.ts';
import { createStopFilter, type RawPiece } from './stop-filter.ts';

/** One raw decode, before stop sequences and counting. */
export interface RawRun {
  readonly pieces: AsyncIterable<RawPiece>;
  /** Tokens of the prompt, resumed text included; read after the pieces have ended or the first one came. */
  tokensIn(): number;
  /** Why the pieces ended: the model's own end, or a limit of tokens. */
  reason(): 'stop' | 'length';
}

/** For engines that generate text and do nothing else. @throws `bad-request` for another kind. */
export function textRequest(request: EngineRequest): TextRequest {
  if (request.kind === 'chat' || request.kind === 'completion') return request;
  throw new TabloomError('bad-request', `This engine does no work of the kind "${request.kind}".`);
}

/**
 * Tokens this run may still produce. `maxTokens` covers the whole answer, resumed part included, so that a resumed
 * answer ends where an uninterrupted one does.
 */
export const tokensLeft = (request: TextRequest): number =>
  Math.max(0, request.params.maxTokens - (request.resume?.tokens ?? 0));

/**
 * Turns a raw decode into engine events: stop sequences cut, tokens counted as delivered, times taken, one `finish`.
 * The sum of the parts' `tokens` is `usage.tokensOut`.
 */
export async function* answer(
  run: RawRun,
  options: { readonly stop?: readonly string[] | undefined; readonly clock: Clock; readonly startedMs: number },
): AsyncGenerator<EngineEvent> {
  const { clock, startedMs } = options;
  const filter = createStopFilter(options.stop ?? []);
  let tokensOut = 0;
  let firstMs: number | undefined;
  let lastMs = startedMs;
  let stopped = false;

  for await (const piece of run.pieces) {
    lastMs = clock.elapsed();
    firstMs ??= lastMs;
    const { released, matched } = filter.push(piece);
    if (released.text !== '' || released.tokens > 0) {
      tokensOut += released.tokens;
      yield textDelta(released);
    }
    if (matched) {
      stopped = true;
      break;
    }
  }
  if (!stopped) {
    const rest = filter.flush();
    if (rest.text !== '' || rest.tokens > 0) {
      tokensOut += rest.tokens;
      yield textDelta(rest);
    }
  }
  yield {
    type: 'finish',
    reason: stopped ? 'stop' : run.reason(),
    usage: { tokensIn: run.tokensIn(), tokensOut },
    timings: {
      ttftMs: (firstMs ?? clock.elapsed()) - startedMs,
      decodeMs: firstMs === undefined ? 0 : lastMs - firstMs,
    },
  };
}

const textDelta = (piece: RawPiece): EngineEvent => ({
  type: 'text-delta',
  text: piece.text,
  tokens: piece.tokens,
  ...(piece.ids ? { ids: [...piece.ids] } : {}),
});
