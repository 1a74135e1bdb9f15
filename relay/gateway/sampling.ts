import type { GenerationParams } from '#lib/protocol/kinds/generation.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { SamplingRequest } from '#lib/protocol/openai.ts';
import { badRequest } from './errors.ts';
import { gatewayLimits } from './limits.ts';
import type { RequestWarning } from './warnings.ts';

/** The parameters that chats and completions have in common, but for the limit of tokens. */
export function readSampling(request: SamplingRequest): Omit<GenerationParams, 'maxTokens'> {
  const stop = (typeof request.stop === 'string' ? [request.stop] : (request.stop ?? [])).filter((text) => text !== '');
  for (const [index, text] of stop.entries()) {
    if (Buffer.byteLength(text) <= limits.stopSequenceBytesMax) continue;
    const param = typeof request.stop === 'string' ? 'stop' : `stop.${index}`;
    throw badRequest(`"${param}" has at most ${limits.stopSequenceBytesMax} bytes in UTF-8.`, param);
  }
  const logitBias = Object.entries(request.logit_bias ?? {}).map(([id, bias]): [number, number] => [Number(id), bias]);
  if (logitBias.length > limits.logitBiasMax || logitBias.some(([id]) => id > 0xffff_ffff)) {
    throw badRequest(`"logit_bias" takes at most ${limits.logitBiasMax} token ids below 2^32.`, 'logit_bias');
  }
  if ((request.n ?? 1) !== 1) {
    throw badRequest('"n" must be 1: one request gives one answer here. Send the request n times.', 'n');
  }
  return {
    temperature: request.temperature ?? undefined,
    // OpenAI allows 0, which can only mean "the likeliest".
    topP: request.top_p === 0 ? Number.EPSILON : (request.top_p ?? undefined),
    // vLLM's clients say -1 and llama.cpp's 0 for "all of them", and 0 or 1 for "no penalty".
    topK: (request.top_k ?? 0) > 0 ? request.top_k! : undefined,
    minP: request.min_p ?? undefined,
    repetitionPenalty: request.repetition_penalty || undefined,
    frequencyPenalty: request.frequency_penalty ?? undefined,
    presencePenalty: request.presence_penalty ?? undefined,
    seed: request.seed == null ? undefined : ((request.seed % 2 ** 32) + 2 ** 32) % 2 ** 32,
    stop: stop.length > 0 ? stop : undefined,
    logitBias: logitBias.length > 0 ? logitBias : undefined,
  };
}

/** The limit an answer is made under, and a word about it where it is less than what was asked for. */
export interface TokenLimit {
  readonly maxTokens: number;
  readonly warnings: readonly RequestWarning[];
}

/**
 * What the caller says, where it says something: `null`, 0 and -1 mean "no limit of mine". More than any answer may have
 * is refused; more than the model reads in all is what no answer can reach, and is said in `tabloom.max_tokens`. Without
 * a limit an answer gets at most half of the context, so that the conversation fits beside it.
 * @throws `bad-request`.
 */
export function readTokenLimit(
  wishes: Readonly<Record<string, number | null | undefined>>,
  contextTokens: number = Number.POSITIVE_INFINITY,
  standard: number = gatewayLimits.maxTokensDefault,
): TokenLimit {
  const [param, asked] = Object.entries(wishes).find(([, value]) => value != null) ?? ['max_tokens', null];
  if (asked == null || asked <= 0) {
    return { maxTokens: Math.max(1, Math.min(standard, Math.floor(contextTokens / 2))), warnings: [] };
  }
  if (asked > limits.maxTokensMax) {
    const says = `"${param}" is too large: ${asked}. One answer has at most ${limits.maxTokensMax} tokens here.`;
    throw badRequest(says, param);
  }
  if (asked <= contextTokens) return { maxTokens: asked, warnings: [] };
  const message = `This model reads ${contextTokens} tokens, prompt and answer together; see tabloom.max_tokens.`;
  return { maxTokens: contextTokens, warnings: [{ code: 'parameter-clamped', param, message }] };
}
