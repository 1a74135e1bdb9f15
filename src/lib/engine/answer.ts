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

/** The state of a resumed answer. */
export interface Resumed {
  /** All output of the model so far, decoded from its tokens. */
  readonly decoded: string;
  /** The part of it that the reader already has. */
  readonly delivered: string;
}

/** The warning for an answer resumed from text, which may not tokenise back to the original ids. */
export const resumedFromText: Extract<EngineEvent, { type: 'warning' }> = {
  type: 'warning',
  code: 'resume-text',
  message: 'The answer was resumed from its text, which may have been tokenised differently.',
};

export const resumeUnsupported = (why: string): TabloomError =>
  new TabloomError('resume-unsupported', `${why} Ask again from the start.`);

/**
 * Turns a raw decoding run into engine events: applies stop sequences, separates tool calls from text if a reader is
 * given, counts delivered tokens, measures times and ends with one `finish`. `usage.tokensOut` is the sum of the parts'
 * `tokens`. For a resumed answer, the earlier output is run through the same filters first, so that the result equals
 * that of an uninterrupted answer: the rest of a partially delivered token comes first, and nothing is repeated.
 * @throws `resume-unsupported` if the decoded and the delivered text disagree.
 */
export async function* answer(
  run: RawRun,
  options: {
    readonly stop?: readonly string[] | undefined;
    readonly calls?: CallReader | undefined;
    readonly resumed?: Resumed | undefined;
    readonly clock: Clock;
    readonly startedMs: number;
  },
): AsyncGenerator<EngineEvent> {
  const { clock, startedMs, calls, resumed } = options;
  const filter = createStopFilter(options.stop ?? []);
  let tokensOut = 0;
  let firstMs: number | undefined;
  let lastMs = startedMs;
  let stopped = false;
  /** Characters the reader already has but the filters have not released yet. */
  let known = 0;
  const read = (piece: RawPiece): readonly ReadDelta[] => {
    if (piece.text === '' && piece.tokens === 0) return [];
    tokensOut += piece.tokens;
    return calls ? calls.push(piece) : [plainDelta(piece)];
  };
  const fresh = (deltas: readonly ReadDelta[]): readonly ReadDelta[] =>
    deltas.flatMap((delta) => {
      const { part } = delta;
      if (known === 0 || part.type !== 'text-delta') return [delta];
      const text = part.text.slice(known);
      known = Math.max(0, known - part.text.length);
      return text === '' && part.tokens === 0 ? [] : [{ ...delta, part: { ...part, text } }];
    });

  if (resumed) {
    const { released, matched } = filter.push({ text: resumed.decoded, tokens: 0 });
    const text = read(released)
      .map(({ part }) => (part.type === 'text-delta' ? part.text : ''))
      .join('');
    const { delivered } = resumed;
    if (!text.startsWith(delivered) && !delivered.startsWith(text)) {
      throw resumeUnsupported('The text delivered so far does not match its tokens.');
    }
    if (text.length > delivered.length) {
      yield { type: 'text-delta', text: text.slice(delivered.length), tokens: 0 };
    }
    known = Math.max(0, delivered.length - text.length);
    stopped = matched;
  }
  if (!stopped) {
    for await (const piece of run.pieces) {
      lastMs = clock.elapsed();
      firstMs ??= lastMs;
      const { released, matched } = filter.push(piece);
      yield* parts(fresh(read(released)));
      if (matched) {
        stopped = true;
        break;
      }
    }
  }
  if (!stopped) yield* parts(fresh(read(filter.flush())));
  if (calls) yield* parts(fresh(calls.flush()));
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
