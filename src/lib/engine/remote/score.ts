import { z } from 'zod';
import { TabloomError } from '#lib/base/errors.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { ScoreRequest, TextRequest, TokenScore } from '../spec.ts';
import { readText } from './chunk.ts';
import { requestBody } from './request-body.ts';
import type { ServerResponse } from './server-url.ts';

export interface RemoteScoreOptions {
  /** Posts JSON to a path relative to the server's base URL. @throws the coded error of a refusal. */
  readonly post: (path: string, body: unknown) => Promise<ServerResponse>;
  readonly model: string;
  readonly contextTokens: number;
}

const tokenIds = z.array(z.number().int().min(0)).max(limits.contextTokensMax);
const tokenized = z.looseObject({ tokens: tokenIds });
const detokenized = z.looseObject({ prompt: z.string() });
/** By token id: the prompt's own token, and the likeliest, which may be the same. */
const position = z.record(z.string(), z.looseObject({ logprob: z.number(), rank: z.number().nullish() }));
const scored = z.looseObject({
  choices: z
    .array(z.looseObject({ prompt_logprobs: z.array(position.nullable()).max(limits.contextTokensMax) }))
    .min(1),
});

/**
 * Scores by vLLM's `prompt_logprobs`: the prompt and the answer as the ids of one prompt, read in one pass. Its own server
 * renders a conversation (`/tokenize`), so that the ids are those that its answers are made from. It tells neither the end of the
 * text nor whole distributions. @throws `bad-request`, `too-long`, `engine-failed`.
 */
export async function scoreRemote(
  { prompt, answer, text }: ScoreRequest,
  options: RemoteScoreOptions,
): Promise<readonly TokenScore[]> {
  const { post, model, contextTokens } = options;
  const ask = async <T>(schema: z.ZodType<T>, path: string, body: object): Promise<T> => {
    const parsed = schema.safeParse(readJson(await readText(await post(path, { model, ...body }))));
    if (parsed.success) return parsed.data;
    throw new TabloomError('engine-failed', 'The model server’s scores do not follow vLLM’s protocol.');
  };
  const head = 'kind' in prompt ? (await ask(tokenized, '../tokenize', promptMembers(prompt, model))).tokens : prompt;
  if (head.length === 0) throw new TabloomError('bad-request', 'There is nothing before the answer. Send its prompt.');
  const tokens = [...head, ...answer];
  // One is generated beyond them, since this server answers nothing with less.
  if (tokens.length >= contextTokens) {
    throw new TabloomError('too-long', 'The answer and its prompt do not fit into the context.', {
      details: { promptTokens: tokens.length, contextTokens },
    });
  }
  if (text !== undefined) {
    const { prompt: reads } = await ask(detokenized, '../detokenize', { tokens: answer });
    if (reads.trim() !== text.trim())
      throw new TabloomError('bad-request', 'These tokens are not those of the text. Send the ones that are.');
  }
  if (answer.length === 0) return [];
  const body = { prompt: tokens, max_tokens: 1, temperature: 0, prompt_logprobs: 1 };
  const { prompt_logprobs } = (await ask(scored, 'completions', body)).choices[0]!;
  return answer.map((id, at) => {
    const ranked = prompt_logprobs[head.length + at];
    const claimed = ranked?.[String(id)];
    if (!ranked || !claimed) throw new TabloomError('engine-failed', 'The model server left out a token’s score.');
    const logprob = bounded(claimed.logprob);
    return { logprob, best: Math.max(logprob, ...Object.values(ranked).map((one) => bounded(one.logprob))) };
  });
}

function promptMembers(request: TextRequest, model: string): object {
  const { body } = requestBody(request, { model, flavour: 'vllm' });
  return request.kind === 'completion'
    ? { prompt: body['prompt'] }
    : { messages: body['messages'], tools: body['tools'], add_generation_prompt: true };
}

const bounded = (logprob: number): number => Math.min(0, Math.max(-1e9, logprob));

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
