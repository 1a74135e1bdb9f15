import { abortError, raceSignal } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { messageText, type ChatMessage } from '#lib/protocol/kinds/chat.ts';
import { answer, resumedFromText, resumeUnsupported, tokensLeft, tooLong } from '#lib/engine/answer.ts';
import { renderMlc, type MlcTemplate } from '#lib/engine/mlc-prompt.ts';
import { unsupportedWarnings, samplingOf } from '#lib/engine/sampling.ts';
import type { EngineEvent, TextRequest } from '#lib/engine/spec.ts';
import type { RawPiece } from '#lib/engine/stop-filter.ts';
import type { ChatCompletionChunk, ChatCompletionMessageParam, Completion, MLCEngine } from '@mlc-ai/web-llm';

export interface WebllmRunOptions {
  readonly engine: MLCEngine;
  readonly clock: Clock;
  readonly contextTokens: number;
  /** Undefined if the model's configuration has no template that can be rendered; such a model cannot resume a chat. */
  readonly template: MlcTemplate | undefined;
  readonly thinking: 'off' | 'as-trained';
  readonly signal: AbortSignal;
  readonly deviceLost: AbortSignal;
}

type Chunk = ChatCompletionChunk | Completion;

/**
 * Empty reasoning, given to a reasoning model to skip it. WebLLM can insert it too, but then counts it towards the
 * answer's tokens and ends the answer early.
 */
const emptyReasoning = '<think>\n\n</think>\n\n';

/**
 * Runs one answer. A conversation is passed to WebLLM as text rendered with the model's template, followed by empty
 * reasoning and any text to resume. If the template cannot be rendered here, WebLLM renders it.
 */
export async function* runWebllm(request: TextRequest, options: WebllmRunOptions): AsyncGenerator<EngineEvent> {
  const { clock, contextTokens } = options;
  const startedMs = clock.elapsed();
  yield* unsupportedWarnings(request.params, ['repetitionPenalty']);
  if (request.resume) yield resumedFromText;
  const end = { tokensIn: 0, reason: 'stop' as 'stop' | 'length' };
  const run = { pieces: pieces(request, options, end), tokensIn: () => end.tokensIn, reason: () => end.reason };
  try {
    const text = request.resume?.text;
    const resumed = text === undefined ? undefined : { decoded: text, delivered: text };
    yield* answer(run, { stop: request.params.stop, resumed, clock, startedMs });
  } catch (error) {
    throw isTooLong(error) ? tooLong(promptTokensIn(error) ?? contextTokens, contextTokens) : error;
  }
}

const isTooLong = (error: unknown): boolean =>
  error instanceof Error && error.name === 'ContextWindowSizeExceededError';

/** WebLLM reports this only as text: "Prompt tokens exceed context window size: number of prompt tokens: 600; …". */
function promptTokensIn(error: unknown): number | undefined {
  const count = /number of prompt tokens: (\d+)/i.exec(String(error))?.[1];
  return count === undefined ? undefined : Number(count);
}

/** WebLLM's error for a conversation whose role order it does not support. */
const isMisordered = (error: unknown): boolean =>
  error instanceof Error && /^(?:System)?MessageOrderError$/.test(error.name);

async function* pieces(
  request: TextRequest,
  options: WebllmRunOptions,
  end: { tokensIn: number; reason: 'stop' | 'length' },
): AsyncGenerator<RawPiece> {
  const { engine, signal, deviceLost } = options;
  if (tokensLeft(request) === 0) {
    end.reason = 'length';
    return;
  }
  const interrupt = () => void engine.interruptGenerate();
  let stream: AsyncIterator<Chunk> | undefined;
  let counted = 0;
  signal.addEventListener('abort', interrupt, { once: true });
  try {
    stream = (await begin(request, options))[Symbol.asyncIterator]();
    for (;;) {
      const { done, value: chunk } = await raceSignal(stream.next(), deviceLost);
      if (signal.aborted) throw abortError(signal);
      if (done) break;
      const choice = chunk.choices[0];
      const text = choice === undefined ? '' : 'delta' in choice ? (choice.delta.content ?? '') : choice.text;
      if (text !== '') {
        counted += 1;
        yield { text, tokens: 1 };
      }
      if (choice?.finish_reason) end.reason = choice.finish_reason === 'length' ? 'length' : 'stop';
      if (chunk.usage) {
        end.tokensIn = chunk.usage.prompt_tokens;
        // Unlike other engines, WebLLM counts the end-of-text token.
        const ending = end.reason === 'stop' ? 1 : 0;
        const missing = chunk.usage.completion_tokens - ending - counted;
        if (missing > 0) yield { text: '', tokens: missing };
      }
    }
  } catch (cause) {
    if (deviceLost.aborted) throw abortError(deviceLost);
    if (signal.aborted) throw abortError(signal);
    if (cause instanceof TabloomError || isTooLong(cause)) throw cause;
    if (isMisordered(cause))
      throw badRequest('This model requires a single system message at the start and a question at the end.');
    throw new TabloomError('engine-failed', 'The engine failed while answering. Try again, or load the model again.', {
      cause,
      details: { reason: String(cause).slice(0, 256) },
    });
  } finally {
    signal.removeEventListener('abort', interrupt);
    await leave(engine, stream, deviceLost);
  }
}

/** Interrupts the stream and drains it, which takes at most one token: only then does WebLLM release its lock. */
async function leave(
  engine: MLCEngine,
  stream: AsyncIterator<Chunk> | undefined,
  deviceLost: AbortSignal,
): Promise<void> {
  await engine.interruptGenerate();
  try {
    for (let step = 0; stream && step < 16; step++) {
      const { done } = await raceSignal(stream.next(), deviceLost);
      if (done) return;
    }
  } catch {
    // The stream failed; the error was reported where it occurred.
  }
}

async function begin(request: TextRequest, options: WebllmRunOptions): Promise<AsyncIterable<Chunk>> {
  const { engine, template, thinking } = options;
  const sampling = samplingOf(request.params, request.resume?.tokens);
  const shared = {
    stream: true,
    stream_options: { include_usage: true },
    max_tokens: tokensLeft(request),
    temperature: sampling.temperature,
    top_p: sampling.topP,
    frequency_penalty: sampling.frequencyPenalty,
    presence_penalty: sampling.presencePenalty,
    // If omitted, the model's default applies, which would not count a resumed answer's earlier tokens.
    repetition_penalty: sampling.repetitionPenalty,
    ...(sampling.seed === undefined ? {} : { seed: sampling.seed }),
  } as const;
  if (request.kind === 'completion') {
    return engine.completions.create({ ...shared, prompt: request.input.prompt + (request.resume?.text ?? '') });
  }
  const delivered = request.resume?.text ?? '';
  if (template) {
    const answerPrefix = thinking === 'off' ? emptyReasoning : '';
    const prompt = renderMlc(request.input.messages, template, { answerPrefix }) + delivered;
    return engine.completions.create({ ...shared, prompt });
  }
  if (delivered !== '') throw resumeUnsupported('This model cannot resume an answer.');
  // Without a reset, WebLLM continues from its state of the previous turn, without the end-of-answer marker: the answer
  // would differ from other engines', and only the last turn would be counted as prompt.
  await engine.resetChat();
  return engine.chat.completions.create({ ...shared, messages: request.input.messages.map(toParam) });
}

function toParam(message: ChatMessage): ChatCompletionMessageParam {
  const content = messageText(message);
  if (message.role === 'system' || message.role === 'user' || message.role === 'assistant') {
    return { role: message.role, content };
  }
  throw badRequest(`This model does not support messages with the role "${message.role}". Remove them.`);
}

const badRequest = (message: string): TabloomError => new TabloomError('bad-request', message);
