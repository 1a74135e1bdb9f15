import { abortError } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { answer, tokensLeft } from '#lib/engine/answer.ts';
import { renderChat, type PromptTemplate } from '#lib/engine/chat-prompt.ts';
import { fitHistory, historyTrimmed } from '#lib/engine/fit-history.ts';
import { samplingOf } from '#lib/engine/sampling.ts';
import type { EngineEvent, TextRequest } from '#lib/engine/spec.ts';
import type { RawPiece } from '#lib/engine/stop-filter.ts';
import type { LlamaContextSequence, LlamaModel, Token } from 'node-llama-cpp';

export interface RunOptions {
  readonly model: LlamaModel;
  readonly sequence: LlamaContextSequence;
  readonly clock: Clock;
  readonly contextTokens: number;
  readonly template: PromptTemplate;
  readonly signal: AbortSignal;
}

/** Tokens before the new ones that the detokenizer looks at for spaces. */
const detokenizeContext = 8;

/** One answer: the rendered prompt as tokens, then raw decoding, with token ids. */
export async function* runLlama(request: TextRequest, options: RunOptions): AsyncGenerator<EngineEvent> {
  const { model, clock, contextTokens, template } = options;
  const startedMs = clock.elapsed();
  const fitted = await fitHistory(request.kind === 'chat' ? request.input.messages : [], {
    render: (messages) => (request.kind === 'chat' ? renderChat(messages, template) : request.input.prompt),
    count: (prompt) => tokenize(model, prompt).length,
    contextTokens,
  });
  if (fitted.dropped > 0) yield historyTrimmed(fitted.dropped);
  const tokens = tokenize(model, fitted.prompt + (request.resume?.text ?? ''));
  const budget = Math.min(tokensLeft(request), contextTokens - tokens.length);
  let reason: 'stop' | 'length' = 'stop';
  const prompt = { tokens, resumed: tokens.slice(fitted.tokens) };
  const pieces = decode(prompt, budget, request, options, () => {
    reason = 'length';
  });
  yield* answer(
    { pieces, tokensIn: () => tokens.length, reason: () => reason },
    { stop: request.params.stop, clock, startedMs },
  );
}

function tokenize(model: LlamaModel, prompt: string): Token[] {
  const tokens = model.tokenize(prompt, true);
  const { bos } = model.tokens;
  return model.tokens.shouldPrependBosToken && bos !== null && tokens[0] !== bos ? [bos, ...tokens] : tokens;
}

interface Prompt {
  readonly tokens: readonly Token[];
  /** The last of them, which are the answer's beginning. */
  readonly resumed: readonly Token[];
}

async function* decode(
  { tokens, resumed }: Prompt,
  budget: number,
  request: TextRequest,
  { model, sequence, signal }: RunOptions,
  onLimit: () => void,
): AsyncGenerator<RawPiece> {
  if (budget <= 0) return onLimit();
  const { temperature, topP, seed, frequencyPenalty, presencePenalty } = samplingOf(request.params);
  const made: Token[] = [];
  let waiting: Token[] = [];
  try {
    // What the cache holds of this prompt stays; the last token is always evaluated, since it makes the first new one.
    await sequence.adaptStateToTokens(tokens.slice(0, -1), false);
    const rest = tokens.slice(sequence.nextTokenIndex);
    const penalised = frequencyPenalty !== 0 || presencePenalty !== 0;
    const generated = sequence.evaluate(rest, {
      temperature,
      topP,
      // Every token of the vocabulary: the package would cut to 40 where the other engines cut by probability alone.
      topK: 0,
      minP: 0,
      ...(seed === undefined ? {} : { seed }),
      ...(penalised
        ? {
            repeatPenalty: {
              punishTokens: () => [...resumed, ...made],
              maxPunishTokens: 512,
              penalty: 1,
              frequencyPenalty,
              presencePenalty,
            },
          }
        : {}),
    });
    for await (const token of generated) {
      if (signal.aborted) throw abortError(signal);
      waiting.push(token);
      made.push(token);
      const before = made.slice(0, made.length - waiting.length).slice(-detokenizeContext);
      const text = model.detokenize(waiting, false, before);
      // A character of several tokens is held until it is whole; none has more than four.
      if (!text.endsWith('\ufffd') || waiting.length >= 4) {
        yield { text, tokens: waiting.length, ids: waiting };
        waiting = [];
      }
      if (made.length >= budget) {
        onLimit();
        break;
      }
    }
    if (waiting.length > 0) yield { text: '', tokens: waiting.length, ids: waiting };
  } catch (cause) {
    if (signal.aborted) throw abortError(signal);
    throw new TabloomError('engine-failed', 'llama.cpp failed while answering. Try again.', { cause });
  }
}
