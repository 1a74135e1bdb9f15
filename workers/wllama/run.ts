import { abortError } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { createQueue } from '#lib/base/queue.ts';
import { answer, resumedFromText, tokensLeft, tooLong } from '#lib/engine/answer.ts';
import { createCallReader } from '#lib/engine/call-reader.ts';
import { renderChat, type PromptTemplate } from '#lib/engine/chat-prompt.ts';
import { constraintOf, grammarAfter } from '#lib/engine/constraint.ts';
import type { Grammar } from '#lib/engine/grammar/grammar.ts';
import { toGbnf } from '#lib/engine/grammar/to-gbnf.ts';
import { samplingOf, unsupportedWarnings, type Sampling } from '#lib/engine/sampling.ts';
import type { EngineEvent, TextRequest } from '#lib/engine/spec.ts';
import type { RawPiece } from '#lib/engine/stop-filter.ts';
import { callIds } from '#lib/engine/tool-calls.ts';
import type { GenerationParams } from '#lib/protocol/kinds/generation.ts';
import type { RawCompletionChunk, Wllama } from '@wllama/wllama/esm/index.js';

export interface WllamaRunOptions {
  readonly wllama: Wllama;
  readonly clock: Clock;
  readonly contextTokens: number;
  readonly template: PromptTemplate;
  readonly signal: AbortSignal;
}

/**
 * Runs one answer: counts the prompt, then runs a raw completion of it plus any text delivered before. The package does
 * not accept token ids.
 */
export async function* runWllama(request: TextRequest, options: WllamaRunOptions): AsyncGenerator<EngineEvent> {
  const { clock, contextTokens, template } = options;
  const startedMs = clock.elapsed();
  const { params } = request;
  const constraint = constraintOf(request);
  const text =
    request.kind === 'chat' ? renderChat(request.input.messages, template, constraint.tools) : request.input.prompt;
  const delivered = request.resume?.text ?? '';
  const grammar = constraint.grammar && grammarAfter(constraint.grammar, delivered);
  const calls = constraint.tools.length > 0 ? createCallReader({ idOf: callIds(text) }) : undefined;
  const prompt = text + delivered;
  const asked = request.resume ? await countTokens(text, options) : 0;
  const tokensIn = await countTokens(prompt, options);
  if (tokensIn >= contextTokens) throw tooLong(tokensIn, contextTokens);

  yield* unsupportedWarnings(params, ['topK', 'minP', 'repetitionPenalty']);
  yield* constraint.warnings;
  if (request.resume && tokensIn - asked !== request.resume.tokens) yield resumedFromText;
  const budget = Math.min(tokensLeft(request), contextTokens - tokensIn);
  let reason: 'stop' | 'length' = 'length';
  const drawn = { ...options, sampling: samplingOf(params, request.resume?.tokens), params, grammar };
  const pieces = complete(prompt, budget, drawn, (ended) => {
    reason = ended;
  });
  yield* answer(
    { pieces, tokensIn: () => tokensIn, reason: () => reason },
    {
      stop: params.stop,
      calls,
      resumed: request.resume && { decoded: delivered, delivered },
      clock,
      startedMs,
    },
  );
}

/** llama.cpp's message for this; the package passes it on without a code. */
const pastContext = /(?:\((\d+) tokens\) )?exceeds the available context size|context size has been exceeded/i;

/** Counts the prompt's tokens by evaluating it into the cache, which the following completion reuses. */
async function countTokens(prompt: string, { wllama, contextTokens, signal }: WllamaRunOptions): Promise<number> {
  try {
    const { usage } = await wllama.createCompletion({
      prompt,
      max_tokens: 0,
      temperature: 0,
      abortSignal: signal,
      ...keepPrompt,
    });
    return usage.prompt_tokens;
  } catch (cause) {
    if (signal.aborted) throw abortError(signal);
    const past = pastContext.exec(String(cause));
    if (past) return Math.max(contextTokens, Number(past[1] ?? 0));
    throw engineFailed(cause);
  }
}

async function* complete(
  prompt: string,
  budget: number,
  {
    wllama,
    contextTokens,
    signal,
    sampling,
    params,
    grammar,
  }: WllamaRunOptions & {
    readonly sampling: Sampling;
    readonly params: GenerationParams;
    readonly grammar: Grammar | undefined;
  },
  onEnd: (reason: 'stop' | 'length') => void,
): AsyncGenerator<RawPiece> {
  if (budget <= 0) return;
  const stopReading = new AbortController();
  // The package has no backpressure, but generates at most one context of tokens.
  const chunks = createQueue<RawCompletionChunk>(contextTokens + 16);
  const ended = wllama
    .createCompletion({
      prompt,
      stream: true,
      onData: (chunk) => {
        if (!chunks.closed) chunks.push(chunk);
      },
      max_tokens: budget,
      temperature: sampling.temperature,
      top_p: sampling.topP,
      top_k: sampling.topK,
      min_p: sampling.minP,
      frequency_penalty: sampling.frequencyPenalty,
      presence_penalty: sampling.presencePenalty,
      ...asUntyped({ repeat_penalty: sampling.repetitionPenalty }),
      ...(sampling.seed === undefined ? {} : { seed: sampling.seed }),
      ...(params.logitBias ? asUntyped({ logit_bias: params.logitBias }) : {}),
      ...(grammar ? { grammar: toGbnf(grammar) } : {}),
      abortSignal: AbortSignal.any([signal, stopReading.signal]),
      ...keepPrompt,
    })
    .then(chunks.end, chunks.fail);
  try {
    let tokens = 0;
    for await (const chunk of chunks) {
      const choice = chunk.choices[0];
      const made = chunk.timings?.predicted_n ?? tokens + (choice?.text ? 1 : 0);
      // One text may cover several tokens, because a multi-byte character is held back until complete. At the token
      // limit the held-back tokens never complete a character but were still generated; at the model's own end, the
      // end-of-text token does not count.
      if (choice?.text || (choice?.finish_reason === 'length' && made > tokens)) {
        yield { text: choice.text, tokens: made - tokens };
        tokens = made;
      }
      if (choice?.finish_reason) onEnd(choice.finish_reason === 'stop' ? 'stop' : 'length');
    }
  } catch (cause) {
    throw signal.aborted ? abortError(signal) : engineFailed(cause);
  } finally {
    stopReading.abort();
    // The slot is freed once the package has cancelled its request.
    await ended;
  }
}

/**
 * For members that llama.cpp's server accepts and the package passes on, but that are missing or wrong in its types.
 */
const asUntyped = (members: Readonly<Record<string, unknown>>): object => members;

/** Members of llama.cpp's server that the package passes on but does not type. */
const keepPrompt = { cache_prompt: true, timings_per_token: true };

const engineFailed = (cause: unknown): TabloomError =>
  new TabloomError('engine-failed', 'The engine failed while answering. Try again, or load the model again.', {
    cause,
    details: { reason: String(cause).slice(0, 256) },
  });
