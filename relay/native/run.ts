import type { LlamaContextSequence, LlamaModel, SequenceEvaluateOptions, Token, TokenBias } from 'node-llama-cpp';
import { abortError } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { answer, resumedFromText, tokensLeft, tooLong } from '#lib/engine/answer.ts';
import { createCallReader } from '#lib/engine/call-reader.ts';
import { renderChat, type PromptTemplate } from '#lib/engine/chat-prompt.ts';
import { constraintOf, grammarAfter } from '#lib/engine/constraint.ts';
import type { Grammar } from '#lib/engine/grammar/grammar.ts';
import { toGbnf } from '#lib/engine/grammar/to-gbnf.ts';
import { samplingOf, seedAt, unsupportedWarnings } from '#lib/engine/sampling.ts';
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
  const grammar = constraint.grammar && grammarAfter(constraint.grammar, prompt.decoded);
  const evaluate = await evaluateOptions(request.params, grammar, model);

  yield* unsupportedWarnings(request.params, ['topK', 'minP', 'repetitionPenalty']);
  yield* constraint.warnings;
  if (prompt.wasRetokenised) yield resumedFromText;
  let reason: 'stop' | 'length' = 'stop';
  const budget = Math.min(tokensLeft(request), contextTokens - prompt.tokens.length);
  const pieces = decode(prompt, budget, { ...options, evaluate, logprobs: request.params.logprobs }, () => {
    reason = 'length';
  });
  yield* answer(
    { pieces, tokensIn: () => prompt.tokens.length, reason: () => reason },
    {
      stop: request.params.stop,
      calls,
      resumed: request.resume && { decoded: prompt.decoded, delivered: request.resume.text },
      clock,
      startedMs,
    },
  );
}

/** The tokens that a request gives the model to read. */
export const promptTokens = (request: TextRequest, options: Pick<RunOptions, 'model' | 'template'>): readonly Token[] =>
  promptOf(request, constraintOf(request).tools, options).tokens;

interface Prompt {
  /** Without the resumed text. */
  readonly text: string;
  readonly tokens: readonly Token[];
  /** The trailing tokens, which are the start of the answer. */
  readonly resumed: readonly Token[];
  /** Their text. */
  readonly decoded: string;
  /** The text delivered so far is not known to be these tokens. */
  readonly wasRetokenised: boolean;
}

/**
 * Resumed ids are used as they are, up to the last one that agrees with the delivered text. Text past them, or without ids, is
 * tokenised.
 */
function promptOf(
  request: TextRequest,
  tools: Parameters<typeof renderChat>[2],
  { model, template }: Pick<RunOptions, 'model' | 'template'>,
): Prompt {
  const text = request.kind === 'chat' ? renderChat(request.input.messages, template, tools) : request.input.prompt;
  const asked = tokenize(model, text);
  const { resume } = request;
  if (!resume) return { text, tokens: asked, resumed: [], decoded: '', wasRetokenised: false };
  if (resume.ids && resume.ids.length > 0) {
    const textOf = (tokens: readonly Token[]) => model.detokenize(tokens, false, asked.slice(-detokenizeContext));
    const ids = knownTokens(model, resume.ids);
    const whole = textOf(ids);
    // Tool calls are delivered apart from the text.
    if (tools && tools.length > 0)
      return { text, tokens: [...asked, ...ids], resumed: ids, decoded: whole, wasRetokenised: false };
    const common = whole.startsWith(resume.text) ? ids : ids.slice(0, commonTokens(ids, resume.text, textOf));
    const rest = resume.text.slice(textOf(common).length);
    const resumed = rest === '' ? common : [...common, ...model.tokenize(rest, false, 'trimLeadingSpace')];
    const decoded = rest === '' ? textOf(common) : resume.text;
    return { text, tokens: [...asked, ...resumed], resumed, decoded, wasRetokenised: rest !== '' };
  }
  const joined = tokenize(model, text + resume.text);
  const resumed = joined.slice(asked.length);
  return { text, tokens: joined, resumed, decoded: resume.text, wasRetokenised: resumed.length !== resume.tokens };
}

/** The length of the longest prefix of the tokens whose text is a prefix of `text`. */
function commonTokens(ids: readonly Token[], text: string, textOf: (tokens: readonly Token[]) => string): number {
  let [from, to] = [0, ids.length];
  while (from < to) {
    const middle = (from + to + 1) >> 1;
    if (text.startsWith(textOf(ids.slice(0, middle)))) from = middle;
    else to = middle - 1;
  }
  return from;
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
    const answered = () => [...resumed, ...made];
    for await (const token of draw(sequence, rest, (drawn) => evaluate(answered, resumed.length + drawn))) {
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
 * Draws one token after another. With a seed for each position the package is called anew for each token, since its random
 * generator cannot be advanced to a position.
 */
async function* draw(
  sequence: LlamaContextSequence,
  tokens: Token[],
  optionsAt: (drawn: number) => SequenceEvaluateOptions,
): AsyncGenerator<Token> {
  const first = optionsAt(0);
  if (first.seed === undefined) return yield* sequence.evaluate(tokens, first);
  for (let drawn = 0, unread = tokens; ; drawn++) {
    const { done, value } = await nextOf(sequence.evaluate(unread, drawn === 0 ? first : optionsAt(drawn)));
    if (done) return;
    yield value;
    unread = [value];
  }
}

async function nextOf(tokens: AsyncGenerator<Token, void>): Promise<IteratorResult<Token, void>> {
  const next = await tokens.next();
  await tokens.return();
  return next;
}

/**
 * How the package draws a token, given the answer so far and the position of the next token in it. The seed is set only
 * where it matters.
 * @throws `bad-request` for a bias it cannot set, or a grammar it cannot read.
 */
async function evaluateOptions(
  params: GenerationParams,
  grammar: Grammar | undefined,
  model: LlamaModel,
): Promise<(drawn: () => Token[], position: number) => SequenceEvaluateOptions> {
  const { repetitionPenalty, frequencyPenalty, presencePenalty, seed, ...cuts } = samplingOf(params);
  const penalised = repetitionPenalty !== 1 || frequencyPenalty !== 0 || presencePenalty !== 0;
  const options: SequenceEvaluateOptions = {
    ...cuts,
    ...(params.logitBias && params.logitBias.length > 0 ? { tokenBias: await biasOf(params.logitBias, model) } : {}),
    ...(grammar ? { grammarEvaluationState: await grammarState(grammar, model) } : {}),
  };
  return (drawn, position) => ({
    ...options,
    ...(seed === undefined || cuts.temperature === 0 ? {} : { seed: seedAt(seed, position) }),
    ...(penalised
      ? {
          repeatPenalty: {
            punishTokens: drawn,
            maxPunishTokens: 512,
            penalty: repetitionPenalty,
            frequencyPenalty,
            presencePenalty,
          },
        }
      : {}),
  });
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
