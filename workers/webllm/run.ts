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
  /** Undefined when the model's configuration has none that can be written: such a model cannot resume a chat. */
  readonly template: MlcTemplate | undefined;
  readonly thinking: 'off' | 'as-trained';
  readonly signal: AbortSignal;
  readonly deviceLost: AbortSignal;
}

type Chunk = ChatCompletionChunk | Completion;

/**
 * What a model that thinks is given in place of thoughts. WebLLM can put them in too, but counts them as tokens of the
 * answer then and ends it before its time.
 */
const emptyThoughts = '<think>\n\n</think>\n\n';

/**
 * One answer. A conversation goes to WebLLM as text, written as the model's template says: text to go on from and empty
 * thoughts are appended to it. Only where nobody here can write the template does WebLLM.
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

/** WebLLM says it in words alone: "Prompt tokens exceed context window size: number of prompt tokens: 600; …". */
function promptTokensIn(error: unknown): number | undefined {
  const said = /number of prompt tokens: (\d+)/i.exec(String(error))?.[1];
  return said === undefined ? undefined : Number(said);
}

/** WebLLM's own word for a conversation whose roles come in an order that it does not write. */
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
        // The token that ends an answer is counted by WebLLM, and by no other engine.
        const ending = end.reason === 'stop' ? 1 : 0;
        const missing = chunk.usage.completion_tokens - ending - counted;
        if (missing > 0) yield { text: '', tokens: missing };
      }
    }
  } catch (cause) {
    if (deviceLost.aborted) throw abortError(deviceLost);
    if (signal.aborted) throw abortError(signal);
    if (cause instanceof TabloomError || isTooLong(cause)) throw cause;
    if (isMisordered(cause)) throw badRequest('This model wants one system message first, and a question last.');
    throw new TabloomError('engine-failed', 'The engine failed while answering. Try again, or load the model again.', {
      cause,
      details: { reason: String(cause).slice(0, 256) },
    });
  } finally {
    signal.removeEventListener('abort', interrupt);
    await leave(engine, stream, deviceLost);
  }
}

/** Interrupts and reads to the end, which is at most one token away: only then is WebLLM's lock free. */
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
    // It has ended by an error, which was told where it was met.
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
    // Left out, it is what the model's configuration says, and would begin anew in a resumed answer.
    repetition_penalty: sampling.repetitionPenalty,
    ...(sampling.seed === undefined ? {} : { seed: sampling.seed }),
  } as const;
  if (request.kind === 'completion') {
    return engine.completions.create({ ...shared, prompt: request.input.prompt + (request.resume?.text ?? '') });
  }
  const said = request.resume?.text ?? '';
  if (template) {
    const answerPrefix = thinking === 'off' ? emptyThoughts : '';
    const prompt = renderMlc(request.input.messages, template, { answerPrefix }) + said;
    return engine.completions.create({ ...shared, prompt });
  }
  if (said !== '') throw resumeUnsupported('This model cannot resume an answer.');
  // Left to itself, WebLLM goes on from its memory of the turn before, without the mark that ends an answer: the next one
  // would be another than anybody else gives to the same conversation, and its prompt be counted as the last turn alone.
  await engine.resetChat();
  return engine.chat.completions.create({ ...shared, messages: request.input.messages.map(toParam) });
}

function toParam(message: ChatMessage): ChatCompletionMessageParam {
  const content = messageText(message);
  if (message.role === 'system' || message.role === 'user' || message.role === 'assistant') {
    return { role: message.role, content };
  }
  throw badRequest(`This model reads no messages of the role "${message.role}". Leave them out.`);
}

const badRequest = (message: string): TabloomError => new TabloomError('bad-request', message);
