import type { ControlledEvaluateIndexOutput, LlamaContextSequence, LlamaModel, Token } from 'node-llama-cpp';
import { throwIfAborted } from '#lib/base/abort.ts';
import { utf8Encode } from '#lib/base/bytes.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { tooLong } from '#lib/engine/answer.ts';
import { logSumExp, sampledScore } from '#lib/engine/distribution.ts';
import type { ScoreRequest, TokenScore } from '#lib/engine/spec.ts';
import type { Logprob } from '#lib/protocol/part.ts';

/** The tokens of a prompt, special tokens included, with a BOS token where the model expects one. */
export function tokenize(model: LlamaModel, prompt: string): Token[] {
  const tokens = model.tokenize(prompt, true);
  const { bos } = model.tokens;
  return model.tokens.shouldPrependBosToken && bos !== null && tokens[0] !== bos ? [bos, ...tokens] : tokens;
}

interface Vocabulary {
  readonly all: ReadonlySet<number>;
  /** Those that end a text. */
  readonly ends: readonly Token[];
}

const vocabularies = new WeakMap<LlamaModel, Vocabulary>();

function vocabularyOf(model: LlamaModel): Vocabulary {
  const known = vocabularies.get(model);
  if (known) return known;
  const all = [...model.iterateAllTokens()];
  const read = { all: new Set<number>(all), ends: all.filter((token) => model.isEogToken(token)) };
  vocabularies.set(model, read);
  return read;
}

/** Checks ids from outside against the model's vocabulary. @throws `bad-request` for an unknown id. */
export function knownTokens(model: LlamaModel, ids: readonly number[]): readonly Token[] {
  const { all } = vocabularyOf(model);
  const unknown = ids.find((id) => !all.has(id));
  if (unknown === undefined) return ids as readonly Token[];
  throw new TabloomError('bad-request', `${unknown} is no token of this model. Send ids of its own vocabulary.`);
}

interface Evaluator {
  readonly model: LlamaModel;
  readonly sequence: LlamaContextSequence;
}

/** Positions evaluated between checks for an abort. */
const batchTokens = 128;

/** Teacher forcing: evaluates the given tokens once and reads the logits before each token of the answer. */
export async function scoreLlama(
  { prompt, answer, text, ending, distribution }: Omit<ScoreRequest, 'prompt'> & { readonly prompt: readonly number[] },
  {
    model,
    sequence,
    contextTokens,
    signal,
  }: Evaluator & { readonly contextTokens: number; readonly signal: AbortSignal },
): Promise<readonly TokenScore[]> {
  if (prompt.length === 0)
    throw new TabloomError('bad-request', 'There is nothing before the answer. Send its prompt.');
  const tokens = knownTokens(model, [...prompt, ...answer]);
  if (tokens.length > contextTokens) throw tooLong(tokens.length, contextTokens);
  if (text !== undefined) {
    const reads = model.detokenize(tokens.slice(prompt.length), false, tokens.slice(0, prompt.length));
    if (reads.trim() !== text.trim())
      throw new TabloomError('bad-request', 'These tokens are not those of the text. Send the ones that are.');
  }
  const scores: TokenScore[] = [];
  // The end is scored after the last token, and no token before the first of the answer is.
  const read = ending === 'stop' ? tokens.length : tokens.length - 1;
  if (read < prompt.length) return scores;
  const ends = ending === undefined ? undefined : vocabularyOf(model).ends;
  await sequence.adaptStateToTokens(tokens.slice(0, prompt.length - 1), false);
  for (let at = sequence.nextTokenIndex; at < read; at += batchTokens) {
    throwIfAborted(signal);
    const items = tokens.slice(at, Math.min(at + batchTokens, read)).map((token, index) => {
      if (at + index < prompt.length - 1) return token;
      const next = tokens[at + index + 1];
      return withLogits(
        token,
        distribution ? 'all' : { tokens: [...(next === undefined ? [] : [next]), ...(ends ?? [])], includeTop: 1 },
      );
    });
    const outputs = await sequence.controlledEvaluate(items);
    for (const [index, output] of outputs.entries()) {
      if (output) scores.push(scoreOf(output, tokens[at + index + 1], { ends, distribution }));
    }
  }
  throwIfAborted(signal);
  return scores;
}

/** @param next undefined: the end of the text. */
function scoreOf(
  output: ControlledEvaluateIndexOutput,
  next: Token | undefined,
  { ends, distribution }: { readonly ends: readonly Token[] | undefined } & Pick<ScoreRequest, 'distribution'>,
): TokenScore {
  const { logprob, best } = readLogits(output);
  const end = ends && Math.min(0, logSumExp(ends.map(logprob)));
  const score = { logprob: next === undefined ? end! : logprob(next), ...(ends ? { end } : {}) };
  const claimed = next === undefined ? ends! : [next];
  return {
    ...score,
    best: Math.max(best, score.logprob),
    ...(distribution ? { sampled: sampledScore(output.next.logits!, claimed, distribution.temperature) } : {}),
  };
}

/**
 * The model's own log-probabilities where `token` was sampled, before temperature, bias, penalties and grammar. The package
 * reports them only for a token that it evaluates, so the previous one is evaluated again.
 */
export async function logprobOf(token: Token, top: number, { model, sequence }: Evaluator): Promise<Logprob> {
  const end = sequence.nextTokenIndex;
  const last = sequence.contextTokens.at(-1)!;
  await sequence.eraseContextTokenRanges([{ start: end - 1, end }]);
  const [output] = await sequence.controlledEvaluate([
    withLogits(last, { tokens: [token], includeTop: Math.max(1, top) }),
  ]);
  const { logprob } = readLogits(output!);
  const ranked = [...output!.next.logits!].sort((a, b) => b[1] - a[1]).map(([one]) => one);
  const item = (one: Token) => ({ ...textOf(one, model), logprob: logprob(one) });
  return { ...item(token), top: ranked.slice(0, top).map(item) };
}

interface LogitFilter {
  readonly tokens: readonly Token[];
  readonly includeTop: number;
}

const withLogits = (token: Token, filter: LogitFilter | 'all') =>
  [token, { generateNext: { logits: filter === 'all' ? true : { filter }, totalLogitWeight: true } }] as [
    Token,
    { generateNext: { logits: true | { filter: LogitFilter }; totalLogitWeight: true } },
  ];

function readLogits({ next }: ControlledEvaluateIndexOutput) {
  const logits = next.logits!;
  let most = -Infinity;
  // All of the vocabulary, where a distribution was asked for: sorting it would take longer than the model does.
  for (const logit of logits.values()) if (logit > most) most = logit;
  // The package returns the sum of exponentials relative to the largest logit.
  const total = most + Math.log(next.totalLogitWeight!);
  const logprob = (token: Token) => Math.min(0, Math.max(logits.get(token)! - total, -1e9));
  return { logprob, best: Math.min(0, most - total) };
}

/** Part of a character has no text of its own, and the package does not expose its bytes. */
function textOf(token: Token, model: LlamaModel): { readonly token: string; readonly bytes?: Uint8Array } {
  const text = model.detokenize([token], true);
  return text.includes('\ufffd') ? { token: text } : { token: text, bytes: utf8Encode(text) };
}
