import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { expand } from '#lib/base/expand.ts';
import { promptLength } from '#lib/protocol/job.ts';
import { limits } from '#lib/protocol/limits.ts';
import { estimateTokens } from '#lib/protocol/tokens.ts';
import type { Part } from '#lib/protocol/part.ts';
import type { EngineEvent, TextRequest } from '../spec.ts';
import { createStopFilter, type RawPiece } from '../stop-filter.ts';
import type { Chunk } from './chunk.ts';
import { createDeltaReader, readLogprobs, type Delta } from './deltas.ts';
import { splitPart } from './parts.ts';

type FinishReason = Extract<EngineEvent, { type: 'finish' }>['reason'];

/** OpenAI's finish reasons, including the legacy one for function calls; any other value means `stop`. */
const reasons: Readonly<Record<string, FinishReason>> = {
  length: 'length',
  tool_calls: 'tool-calls',
  function_call: 'tool-calls',
  content_filter: 'content-filter',
};

/** Comes before the text of a refusal, which servers with structured outputs tell apart from an answer. */
const refusalWarning: Extract<Part, { type: 'warning' }> = {
  type: 'warning',
  code: 'refusal',
  message: 'The model refuses to answer; its text says why.',
};

const estimatedWarning: typeof refusalWarning = {
  type: 'warning',
  code: 'usage-estimated',
  message: 'The model server reported no usage; the numbers of tokens are estimates.',
};

const isRefusal = ({ choices: [choice] }: Chunk): boolean => {
  const { refusal } = choice?.delta ?? choice?.message ?? {};
  return refusal != null && refusal !== '';
};

/**
 * Converts a server's chunks into engine events. Tokens are counted by the server's running count if it sends one, else
 * one per chunk with content. The final usage is authoritative: any tokens missing from the running count are sent as a
 * last part without text. Text that arrived together becomes one part.
 * @throws `engine-failed` if the answer breaks off.
 */
export function remoteAnswer(
  chunks: AsyncIterable<readonly (Chunk | 'done')[]>,
  request: TextRequest,
  { clock, startedMs }: { readonly clock: Clock; readonly startedMs: number },
): AsyncIterable<EngineEvent> {
  const filter = createStopFilter(request.params.stop ?? [], 'whole');
  const reader = createDeltaReader(Math.floor(clock.now()).toString(36));
  let tokensIn: number | undefined;
  let tokensOut = 0;
  let counted = 0;
  let firstMs: number | undefined;
  let lastMs = startedMs;
  let reason: FinishReason | undefined;
  let ended = false;
  let stopped = false;
  let refused = false;
  let isCounted = false;

  const textPart = (piece: RawPiece): readonly Part[] => {
    if (piece.text === '' && piece.tokens === 0) return [];
    return [{ type: 'text-delta', text: piece.text, tokens: piece.tokens }];
  };
  /** The server should apply stop sequences, but some miss one. */
  const partsOf = (chunk: Chunk): { readonly parts: readonly Part[]; readonly matched: boolean } => {
    const deltas = reader.read(chunk);
    const reported = chunk.usage?.completion_tokens ?? chunk.timings?.predicted_n;
    isCounted ||= reported !== undefined;
    const total = Math.max(counted, reported ?? counted + guessTokens(chunk, deltas));
    let tokens = total - counted;
    counted = total;
    const parts: Part[] = [];
    if (!refused && isRefusal(chunk)) {
      refused = true;
      parts.push(refusalWarning);
    }
    const pieces = deltas.length > 0 ? deltas : tokens > 0 ? [{ type: 'text' as const, text: '' }] : [];
    for (const delta of pieces) {
      if (delta.type === 'text') {
        const { released, matched } = filter.push({ text: delta.text, tokens });
        parts.push(...textPart(released));
        if (matched) return { parts, matched };
      } else if (delta.type === 'reasoning') {
        parts.push({ type: 'reasoning-delta', text: delta.text, tokens });
      } else {
        const { type: _, ...call } = delta;
        parts.push(...textPart(filter.flush()), { type: 'tool-call-delta', ...call, tokens });
      }
      tokens = 0;
    }
    const logprobs = request.params.logprobs === undefined ? [] : readLogprobs(chunk);
    for (let from = 0; from < logprobs.length; from += limits.logprobsPerPartMax) {
      parts.push({ type: 'logprobs', items: logprobs.slice(from, from + limits.logprobsPerPartMax) });
    }
    return { parts, matched: false };
  };

  const take = (chunk: Chunk | 'done'): readonly Part[] => {
    if (chunk === 'done') {
      ended = true;
      return [];
    }
    const { parts, matched } = partsOf(chunk);
    tokensIn = chunk.usage?.prompt_tokens ?? tokensIn;
    const finishReason = chunk.choices[0]?.finish_reason;
    if (finishReason) reason = Object.hasOwn(reasons, finishReason) ? reasons[finishReason] : 'stop';
    if (matched) reason = 'stop';
    stopped = matched;
    return parts;
  };

  const delivered = (parts: readonly Part[]): readonly Part[] => {
    const fitting = parts.flatMap(splitPart);
    for (const part of fitting) if ('tokens' in part) tokensOut += part.tokens;
    return fitting;
  };
  const takeAll = (together: readonly (Chunk | 'done')[]): readonly Part[] => {
    const parts: Part[] = [];
    for (let index = 0; index < together.length && !ended && !stopped; index++) {
      // What nearly all chunks are needs nothing of what the others do.
      const plain = filter.isOpen() ? plainRun(together, index) : undefined;
      if (!plain) for (const part of take(together[index]!)) addPart(parts, part);
      else {
        counted += plain.tokens;
        if (plain.tokens > 0) addPart(parts, { type: 'text-delta', text: plain.text, tokens: plain.tokens });
        index += plain.chunks - 1;
      }
    }
    if (parts.length > 0) {
      lastMs = clock.elapsed();
      firstMs ??= lastMs;
    }
    return delivered(parts);
  };

  let isFinished = false;
  const finish = (): readonly EngineEvent[] => {
    if (isFinished) return [];
    isFinished = true;
    if (reason === undefined && !ended) {
      throw new TabloomError('engine-failed', 'The model server broke off in the middle of the answer.');
    }
    // What follows a stop sequence, and the sequence itself, are no part of the answer.
    const rest = delivered(stopped ? [] : textPart(filter.flush()));
    return [
      ...rest,
      ...(tokensIn === undefined || !isCounted ? [estimatedWarning] : []),
      {
        type: 'finish',
        // Some servers finish a tool call with "stop".
        reason: reader.calls > 0 && (reason ?? 'stop') === 'stop' ? 'tool-calls' : (reason ?? 'stop'),
        usage: { tokensIn: tokensIn ?? estimateTokens(promptLength(request), 'typical'), tokensOut },
        timings: {
          ttftMs: (firstMs ?? clock.elapsed()) - startedMs,
          decodeMs: firstMs === undefined ? 0 : lastMs - firstMs,
        },
      },
    ];
  };
  return expand<readonly (Chunk | 'done')[], EngineEvent>(chunks, {
    take: takeAll,
    isOver: () => ended || stopped,
    end: finish,
  });
}

/**
 * The chunks from here on that say nothing but text, as one part: each with text is a token. Undefined where there are none.
 * As many as a part may have.
 */
function plainRun(together: readonly (Chunk | 'done')[], from: number) {
  let text = '';
  let tokens = 0;
  let at = from;
  for (; at < together.length && tokens < limits.tokensPerPartMax; at++) {
    const said = plainText(together[at]!);
    if (said === undefined) break;
    text += said;
    if (said !== '') tokens++;
  }
  return at === from ? undefined : { text, tokens, chunks: at - from };
}

/** Of a chunk as `readChunk` makes it of one that is plain. */
function plainText(chunk: Chunk | 'done'): string | undefined {
  if (chunk === 'done' || chunk.usage !== undefined || chunk.timings !== undefined) return undefined;
  const { choices } = chunk;
  const [choice] = choices;
  if (choices.length !== 1 || !choice?.delta) return undefined;
  for (const name in choice) if (name !== 'delta') return undefined;
  for (const name in choice.delta) if (name !== 'content') return undefined;
  return choice.delta.content ?? undefined;
}

/** The tokens of a chunk whose server does not count: one, unless it is a whole answer. */
function guessTokens({ choices: [choice] }: Chunk, deltas: readonly Delta[]): number {
  if (deltas.length === 0 || !choice?.message) return Math.min(1, deltas.length);
  const length = deltas.reduce((sum, delta) => sum + (delta.type === 'call' ? delta.arguments : delta.text).length, 0);
  return Math.max(1, estimateTokens(length, 'typical'));
}

/** Appends a part, as one with the last if both are text of one kind and stay within the wire's limit. */
function addPart(parts: Part[], part: Part): void {
  const last = parts.at(-1);
  if (
    last === undefined ||
    (last.type !== 'text-delta' && last.type !== 'reasoning-delta') ||
    part.type !== last.type ||
    last.tokens + part.tokens > limits.tokensPerPartMax
  ) {
    parts.push(part);
    return;
  }
  parts[parts.length - 1] = { type: last.type, text: last.text + part.text, tokens: last.tokens + part.tokens };
}
