import { abortError } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { createQueue } from '#lib/base/queue.ts';
import { answer, tokensLeft } from '#lib/engine/answer.ts';
import { renderChat, type PromptTemplate } from '#lib/engine/chat-prompt.ts';
import { fitHistory, historyTrimmed } from '#lib/engine/fit-history.ts';
import { samplingOf } from '#lib/engine/sampling.ts';
import type { EngineEvent, TextRequest } from '#lib/engine/spec.ts';
import type { RawPiece } from '#lib/engine/stop-filter.ts';
import type { RawCompletionChunk, Wllama } from '@wllama/wllama/esm/index.js';

export interface RunOptions {
  readonly wllama: Wllama;
  readonly clock: Clock;
  readonly contextTokens: number;
  readonly template: PromptTemplate;
  readonly signal: AbortSignal;
}

/** One answer: the prompt counted and fitted, then a raw completion on it and on the text delivered before. */
export async function* runWllama(request: TextRequest, options: RunOptions): AsyncGenerator<EngineEvent> {
  const { clock, contextTokens, template } = options;
  const startedMs = clock.elapsed();
  const fitted = await fitHistory(request.kind === 'chat' ? request.input.messages : [], {
    render: (messages) => (request.kind === 'chat' ? renderChat(messages, template) : request.input.prompt),
    count: (prompt) => countTokens(prompt, options),
    contextTokens,
  });
  if (fitted.dropped > 0) yield historyTrimmed(fitted.dropped);
  const prompt = fitted.prompt + (request.resume?.text ?? '');
  const tokensIn = request.resume ? await countTokens(prompt, options) : fitted.tokens;
  const budget = Math.min(tokensLeft(request), contextTokens - tokensIn);
  let reason: 'stop' | 'length' = 'length';
  const pieces = complete(prompt, budget, request, options, (ended) => {
    reason = ended;
  });
  yield* answer(
    { pieces, tokensIn: () => tokensIn, reason: () => reason },
    { stop: request.params.stop, clock, startedMs },
  );
}

/** How llama.cpp's server says so; the package passes its words on and no code. */
const pastContext = /exceeds the available context size|context size has been exceeded/i;

/** Reads the prompt into the cache and counts it; the completion that follows finds it there. */
async function countTokens(prompt: string, { wllama, contextTokens, signal }: RunOptions): Promise<number> {
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
    if (pastContext.test(String(cause))) return contextTokens;
    throw engineFailed(cause);
  }
}

async function* complete(
  prompt: string,
  budget: number,
  request: TextRequest,
  { wllama, contextTokens, signal }: RunOptions,
  onEnd: (reason: 'stop' | 'length') => void,
): AsyncGenerator<RawPiece> {
  if (budget <= 0) return;
  const sampling = samplingOf(request.params);
  const stopReading = new AbortController();
  // The package cannot be held back; it makes at most a context of tokens.
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
      ...noOtherCuts,
      frequency_penalty: sampling.frequencyPenalty,
      presence_penalty: sampling.presencePenalty,
      ...(sampling.seed === undefined ? {} : { seed: sampling.seed }),
      abortSignal: AbortSignal.any([signal, stopReading.signal]),
      ...keepPrompt,
    })
    .then(chunks.end, chunks.fail);
  try {
    let tokens = 0;
    for await (const chunk of chunks) {
      const choice = chunk.choices[0];
      const made = chunk.timings?.predicted_n ?? tokens + (choice?.text ? 1 : 0);
      // Text may stand for several tokens: a character of many bytes is held back until it is whole. At the limit what is
      // held never becomes whole, and was made all the same; at the model's own end the token that says so is no answer.
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
    // The slot is free once the package has cancelled its request.
    await ended;
  }
}

/** llama.cpp's own defaults cut the choice a second and a third time; an answer is to be drawn alike in every engine. */
const noOtherCuts = { top_k: 0, min_p: 0 } as const;

/** Members of llama.cpp's server that the package passes on without typing them. */
const keepPrompt = { cache_prompt: true, timings_per_token: true };

const engineFailed = (cause: unknown): TabloomError =>
  new TabloomError('engine-failed', 'The engine failed while answering. Try again, or load the model again.', {
    cause,
    details: { reason: String(cause).slice(0, 256) },
  });
