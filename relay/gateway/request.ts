import { z } from 'zod';
import type { AskRequest, AskTerms } from '#lib/peer/spec.ts';
import { wireError } from '#lib/protocol/errors.ts';
import { peerIdSchema } from '#lib/protocol/ids.ts';
import type { GenerationParams } from '#lib/protocol/kinds/generation.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { SamplingRequest } from '#lib/protocol/openai.ts';
import type { AnswerForm } from './answer.ts';
import { badRequest } from './errors.ts';
import { gatewayLimits } from './limits.ts';
import type { RequestWarning } from './parameters.ts';

/** A request of any route as this network does it. */
export interface Wish {
  /** With the files that the input names, by their SHA-256. */
  readonly ask: AskRequest & { readonly blobs?: ReadonlyMap<string, Uint8Array> };
  /** The model's name as the caller wrote it. */
  readonly model: string;
  readonly answer: 'whole' | 'streamed';
  readonly usageChunk: 'sent' | 'omitted';
  /** The limit the answer is made under; undefined where its kind has none. */
  readonly maxTokens: number | undefined;
  /** Of the model, where somebody serves it. */
  readonly contextTokens: number | undefined;
  readonly warnings: readonly RequestWarning[];
  readonly form: AnswerForm;
}

/**
 * A request or a member of it, held to its schema. OpenAI writes paths with dots and puts the first wrong member into
 * `param`. Messages of our schemas follow the member's name ("must be …"); others are put behind a colon.
 * @throws `bad-request` with `param`.
 */
export function parseMember<S extends z.ZodType>(schema: S, value: unknown, prefix?: string): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const param = [prefix, ...issue.path].filter((step) => step !== undefined).join('.') || 'body';
  const says = issue.message.startsWith('must ') ? issue.message : `is not valid: ${issue.message}`;
  throw badRequest(`"${param}" ${says}.`, param);
}

/** Our own member of a request; other servers ignore it. */
const extensionSchema = z.object({
  tier: z.string({ error: 'must be a string' }).nullish(),
  deadline_ms: z
    .number({ error: 'must be a number of milliseconds' })
    .int({ error: 'must be a whole number of milliseconds' })
    .min(1, { error: 'must be at least 1' })
    .max(limits.jobDeadlineMsMax, { error: `must be at most ${limits.jobDeadlineMsMax}` })
    .nullish(),
  /** Only these peers. */
  peers: z.array(peerIdSchema, { error: 'must be a list of 1 to 16 peer ids' }).min(1).max(16).nullish(),
});

/** Where callers may name a tier, besides our own member. */
const tierHeaders = ['x-tabloom-tier', 'x-peer-tier'];

/**
 * Who may answer and for how long, from the member `tabloom`, from `peer_tier` and from headers. A tier is what was
 * checked, and nothing but `open` can be checked yet: any other wish ends here, before anything leaves.
 * @throws `bad-request`, `tier-unavailable`, with the `param` that says so.
 */
export function readTerms(
  request: { readonly [member: string]: unknown },
  headers: Headers,
): Pick<AskTerms, 'tier' | 'deadlineMs' | 'only'> {
  const extension = parseMember(extensionSchema.nullish(), request['tabloom'], 'tabloom');
  const peerTier = parseMember(z.string({ error: 'must be a string' }).nullish(), request['peer_tier'], 'peer_tier');
  const wishes: readonly (readonly [string, string | null | undefined])[] = [
    ['tabloom.tier', extension?.tier],
    ['peer_tier', peerTier],
    ...tierHeaders.map((name) => [name, headers.get(name)] as const),
  ];
  for (const [param, tier] of wishes) {
    if (tier == null || tier === 'open') continue;
    throw wireError(
      'tier-unavailable',
      `Nobody here can prove the tier "${tier.slice(0, limits.wordLengthMax)}". Only "open" is served; nothing was sent.`,
      { details: { param } },
    );
  }
  return { tier: 'open', deadlineMs: extension?.deadline_ms ?? undefined, only: extension?.peers ?? undefined };
}

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
