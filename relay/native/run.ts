import type { LlamaContextSequence, LlamaModel, SequenceEvaluateOptions, Token, TokenBias } from 'node-llama-cpp';
import { abortError } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { answer, tokensLeft, tooLong } from '#lib/engine/answer.ts';
import { createCallReader } from '#lib/engine/call-reader.ts';
import { renderChat, type PromptTemplate } from '#lib/engine/chat-prompt.ts';
import { constraintOf, grammarAfter } from '#lib/engine/constraint.ts';
import type { Grammar } from '#lib/engine/grammar/grammar.ts';
import { toGbnf } from '#lib/engine/grammar/to-gbnf.ts';
import { unsupportedWarnings, samplingOf } from '#lib/engine/sampling.ts';
import type { EngineEvent, TextRequest } from '#lib/engine/spec.ts';
import type { RawPiece } from '#lib/engine/stop-filter.ts';
import { callIds } from '#lib/engine/tool-calls.ts';
import type { GenerationParams } from '#lib/protocol/kinds/generation.ts';
import type { Logprob } from '#lib/protocol/part.ts';
import { knownTokens, logprobOf, tokenize } from './tokens.ts';

export interface RunOptions {
  readonly model: LlamaModel;
  readonly sequence: LlamaContextSequence;
  readonly clock: Clock;
  readonly contextTokens: number;
  readonly template: PromptTemplate;
  readonly signal: AbortSignal;
}

/** Preceding tokens that the detokenizer needs to get spaces right. */
const detokenizeContext = 8;

/** One answer: tokenizes the rendered prompt, then decodes, with token ids. */
export async function* runLlama(request: TextRequest, options: RunOptions): AsyncGenerator<EngineEvent> {
  const { model, clock, contextTokens } = options;
  const startedMs = clock.elapsed();
  const constraint = constraintOf(request);
  const prompt = promptOf(request, constraint.tools, options);
  if (prompt.tokens.length >= contextTokens) throw tooLong(prompt.tokens.length, contextTokens);
  const calls = constraint.tools.length > 0 ? createCallReader({ idOf: callIds(prompt.text) }) : undefined;
  calls?.push({ text: prompt.resumedText, tokens: 0 });
  const grammar = constraint.grammar && grammarAfter(constraint.grammar, prompt.resumedText);
  const evaluate = await evaluateOptions(request.params, grammar, model);

  yield* unsupportedWarnings(request.params, ['topK', 'minP', 'repetitionPenalty']);
  yield* constraint.warnings;
  let reason: 'stop' | 'length' = 'stop';
  const budget = Math.min(tokensLeft(request), contextTokens - prompt.tokens.length);
  const pieces = decode(prompt, budget, { ...options, evaluate, logprobs: request.params.logprobs }, () => {
    reason = 'length';
  });
  yield* answer(
    { pieces, tokensIn: () => prompt.tokens.length, reason: () => reason },
    { stop: request.params.stop, calls, clock, startedMs },
  );
}

interface Prompt {
  /** Without the resumed text. */
  readonly text: string;
  readonly tokens: readonly Token[];
  /** The trailing tokens, which are the start of the answer. */
  readonly resumed: readonly Token[];
  /** Their text. */
  readonly resumedText: string;
}

/** Resumed ids are used as they are; resumed text is tokenized together with the prompt, as the model would read it. */
function promptOf(
  request: TextRequest,
  tools: Parameters<typeof renderChat>[2],
  { model, template }: RunOptions,
): Prompt {
  const text = request.kind === 'chat' ? renderChat(request.input.messages, template, tools) : request.input.prompt;
  const asked = tokenize(model, text);
  const { resume } = request;
  if (!resume) return { text, tokens: asked, resumed: [], resumedText: '' };
  if (resume.ids && resume.ids.length > 0) {
    const resumed = knownTokens(model, resume.ids);
    const resumedText = model.detokenize(resumed, false, asked.slice(-detokenizeContext));
    return { text, tokens: [...asked, ...resumed], resumed, resumedText };
  }
  const tokens = tokenize(model, text + resume.text);
  return { text, tokens, resumed: tokens.slice(asked.length), resumedText: resume.text };
}

interface DecodeOptions extends RunOptions {
  readonly evaluate: Awaited<ReturnType<typeof evaluateOptions>>;
  readonly logprobs: number | undefined;
}

async function* decode(
  { tokens, resumed }: Prompt,
  budget: number,
  { model, sequence, signal, evaluate, logprobs: top }: DecodeOptions,
  onLimit: () => void,
): AsyncGenerator<RawPiece> {
  if (budget <= 0) return onLimit();
  const made: Token[] = [];
  let waiting: Token[] = [];
  let logprobs: Logprob[] | undefined = top === undefined ? undefined : [];
  try {
    // Reuses the cached prefix; the last token is always evaluated, since it produces the first new one.
    await sequence.adaptStateToTokens(tokens.slice(0, -1), false);
    const rest = tokens.slice(sequence.nextTokenIndex);
    const generated = sequence.evaluate(
      rest,
      evaluate(() => [...resumed, ...made]),
    );
    for await (const token of generated) {
      if (signal.aborted) throw abortError(signal);
      if (top !== undefined) logprobs?.push(await logprobOf(token, top, { model, sequence }));
      waiting.push(token);
      made.push(token);
      const before = made.slice(0, made.length - waiting.length).slice(-detokenizeContext);
      const text = model.detokenize(waiting, false, before);
      // A character that spans tokens is held until it is complete; none spans more than four.
      if (!text.endsWith('\ufffd') || waiting.length >= 4) {
        yield { text, tokens: waiting.length, ids: waiting, logprobs };
        waiting = [];
        logprobs = logprobs && [];
      }
      if (made.length >= budget) {
        onLimit();
        break;
      }
    }
    if (waiting.length > 0) yield { text: '', tokens: waiting.length, ids: waiting, logprobs };
  } catch (cause) {
    if (signal.aborted) throw abortError(signal);
    throw new TabloomError('engine-failed', 'llama.cpp failed while answering. Try again.', { cause });
  }
}

/**
 * Sampling options for a token, given the tokens of the answer so far.
 * @throws `bad-request` for a bias that cannot be set, or a grammar that cannot be parsed.
 */
async function evaluateOptions(
  params: GenerationParams,
  grammar: Grammar | undefined,
  model: LlamaModel,
): Promise<(answerTokens: () => Token[]) => SequenceEvaluateOptions> {
  const { repetitionPenalty, frequencyPenalty, presencePenalty, seed, ...cuts } = samplingOf(params);
  const penalised = repetitionPenalty !== 1 || frequencyPenalty !== 0 || presencePenalty !== 0;
  const options: SequenceEvaluateOptions = {
    ...cuts,
    ...(seed === undefined ? {} : { seed }),
    ...(params.logitBias && params.logitBias.length > 0 ? { tokenBias: await biasOf(params.logitBias, model) } : {}),
    ...(grammar ? { grammarEvaluationState: await grammarState(grammar, model) } : {}),
  };
  return (answerTokens) =>
    penalised
      ? {
          ...options,
          repeatPenalty: {
            punishTokens: answerTokens,
            maxPunishTokens: 512,
            penalty: repetitionPenalty,
            frequencyPenalty,
            presencePenalty,
          },
        }
      : options;
}

async function biasOf(biases: readonly (readonly [number, number])[], model: LlamaModel): Promise<TokenBias> {
  const { TokenBias } = await import('node-llama-cpp');
  const bias = TokenBias.for(model);
  const tokens = knownTokens(
    model,
    biases.map(([id]) => id),
  );
  for (const [index, token] of tokens.entries()) {
    // The package ignores these silently.
    if (model.isEogToken(token)) {
      throw new TabloomError('bad-request', `Token ${token} ends an answer, and its bias cannot be set here.`);
    }
    bias.set(token, { logit: biases[index]![1] });
  }
  return bias;
}

async function grammarState(grammar: Grammar, model: LlamaModel) {
  const { LlamaGrammarEvaluationState } = await import('node-llama-cpp');
  try {
    const read = await model.llama.createGrammar({ grammar: toGbnf(grammar) });
    return new LlamaGrammarEvaluationState({ model, grammar: read });
  } catch (cause) {
    throw new TabloomError('bad-request', 'The schema is too large for this engine. Ask for less at once.', { cause });
  }
}
