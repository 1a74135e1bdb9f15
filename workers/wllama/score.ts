import { abortError, throwIfAborted } from '#lib/base/abort.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { tooLong } from '#lib/engine/answer.ts';
import { renderChat } from '#lib/engine/chat-prompt.ts';
import { constraintOf } from '#lib/engine/constraint.ts';
import type { ScoreRequest, TextRequest, TokenScore } from '#lib/engine/spec.ts';
import type { WllamaRunOptions } from './run.ts';

/**
 * Teacher forcing, one position after the other: the package shows the logits of the next token alone. Each position forces the
 * claimed token by a bias, which the reported log-probabilities do not include. There is no `sampled`, since whole distributions
 * are not shown.
 *
 * The package takes text, not ids, and tokenises it anew. Each position therefore has to read as one token more than the one
 * before; where it does not, or where a token is no text of its own, nothing is said. @throws `score-unsupported` for these.
 */
export async function scoreWllama(
  { prompt, answer, text, ending }: ScoreRequest,
  options: Pick<WllamaRunOptions, 'wllama' | 'contextTokens' | 'template' | 'signal'>,
): Promise<readonly TokenScore[]> {
  const { wllama, contextTokens, signal } = options;
  throwIfAborted(signal);
  if (!('kind' in prompt)) throw unsupported('a prompt of ids');
  const head = textOf(prompt, options);
  if (answer.length >= contextTokens) throw tooLong(answer.length, contextTokens);
  const { eot, eos } = { eot: wllama.getEOT(), eos: wllama.getEOS() };
  const claims = ending === 'stop' ? [...answer, eot >= 0 ? eot : eos] : answer;
  const scores: TokenScore[] = [];
  let reads = '';
  let headTokens: number | undefined;
  for (const [at, id] of claims.entries()) {
    throwIfAborted(signal);
    const { score, token, promptTokens } = await scoreOne(head + reads, id, options);
    headTokens ??= promptTokens;
    if (promptTokens !== headTokens + at) throw unsupported('text that reads as other tokens');
    scores.push(score);
    if (at === answer.length) break;
    if (token.includes('\ufffd')) throw unsupported('a part of a character');
    reads += token;
  }
  if (text !== undefined && reads.trim() !== text.trim()) {
    throw new TabloomError('bad-request', 'These tokens are not those of the text. Send the ones that are.');
  }
  return scores;
}

const textOf = (request: TextRequest, { template }: Pick<WllamaRunOptions, 'template'>): string =>
  request.kind === 'chat'
    ? renderChat(request.input.messages, template, constraintOf(request).tools)
    : request.input.prompt;

/** What the package reports of a token, which it does not type. */
interface ReportedToken {
  readonly id: number;
  readonly token: string;
  readonly logprob: number;
  readonly top_logprobs: readonly { readonly logprob: number }[];
}

/** A bias that no logit outweighs. */
const forced = 10_000;
const pastContext = /exceeds the available context size|context size has been exceeded/i;

async function scoreOne(
  prompt: string,
  claimed: number,
  { wllama, contextTokens, signal }: Pick<WllamaRunOptions, 'wllama' | 'contextTokens' | 'signal'>,
): Promise<{ readonly score: TokenScore; readonly token: string; readonly promptTokens: number }> {
  let reported: ReportedToken | undefined;
  let promptTokens: number;
  try {
    const { choices, usage } = await wllama.createCompletion({
      prompt,
      max_tokens: 1,
      temperature: 0,
      logprobs: 1,
      abortSignal: signal,
      ...({ logit_bias: [[claimed, forced]], cache_prompt: true } as object),
    });
    reported = (choices[0]?.logprobs as unknown as { content?: ReportedToken[] } | null)?.content?.[0];
    promptTokens = usage.prompt_tokens;
  } catch (cause) {
    if (signal.aborted) throw abortError(signal);
    if (pastContext.test(String(cause))) throw tooLong(contextTokens, contextTokens);
    throw unsupported('a part of a character', cause);
  }
  const best = reported?.top_logprobs[0]?.logprob;
  if (!reported || best === undefined) throw unsupported('a token that it does not report');
  if (reported.id !== claimed) {
    throw new TabloomError('bad-request', `${claimed} is no token of this model. Send ids of its own vocabulary.`);
  }
  const logprob = Math.min(0, reported.logprob);
  return { score: { logprob, best: Math.max(logprob, Math.min(0, best)) }, token: reported.token, promptTokens };
}

const unsupported = (what: string, cause?: unknown) =>
  new TabloomError('score-unsupported', `This engine cannot score ${what}. Score it with llama.cpp.`, { cause });
