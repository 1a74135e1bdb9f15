import { z } from 'zod';
import { snakeCase } from '#lib/base/letter-case.ts';
import type { AskTerms } from '#lib/peer/spec.ts';
import type { Tier } from '#lib/protocol/job.ts';
import { wireError } from '#lib/protocol/errors.ts';
import { peerIdSchema, type PeerId } from '#lib/protocol/ids.ts';
import type { GenerationParams } from '#lib/protocol/kinds/generation.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { SamplingRequest } from '#lib/protocol/openai.ts';
import type { AnswerFormat } from './answer.ts';
import type { Attempts } from './attempts.ts';
import type { HeaderReader } from './caller.ts';
import { badRequest } from './errors.ts';
import { escrowJobSchema } from './escrow-terms.ts';
import { gatewayLimits } from './limits.ts';
import type { RequestWarning } from './parameters.ts';

/** A request of any route, validated and turned into jobs to ask for. */
export interface ParsedRequest {
  /** The preferred model first; each further one is asked only where the one before it gave nothing. */
  readonly attempts: Attempts;
  readonly answer: 'whole' | 'streamed';
  readonly usageChunk: 'sent' | 'omitted';
  readonly format: AnswerFormat;
  /** Whom the caller asks for, by its own name for them. */
  readonly endUser: string | undefined;
  /** The escrow on a chain that pays for it. */
  readonly escrow?: string | undefined;
}

type Path = readonly PropertyKey[];

/**
 * Validates a request, or a member of it, against its schema. As with OpenAI, `param` is the path of the first invalid
 * member, with dots. Messages of our own schemas follow its name ("must be …"); others come after a colon.
 * @param place what is before the path in the request; or, for what was made of a request, the place that a path of it has there.
 * @throws `bad-request` with `param`.
 */
export function parseMember<S extends z.ZodType>(
  schema: S,
  value: unknown,
  place: string | ((path: Path) => string) = dotted,
): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const param = (typeof place === 'string' ? dotted([place, ...issue.path]) : place(issue.path)) || 'body';
  const says = inWords(issue);
  throw badRequest(`"${param}" ${says.startsWith('must ') ? says : `is not valid: ${says}`}.`, param);
}

const dotted = (path: Path): string => path.map(String).join('.');

/** What zod says by itself names neither what is allowed nor what to do. */
function inWords(issue: z.core.$ZodIssue): string {
  const { message } = issue;
  if (issue.code === 'invalid_type' && message.startsWith('Invalid input: expected ')) {
    return `must be ${typeNames[issue.expected] ?? `a ${issue.expected}`}`;
  }
  const unit = 'origin' in issue && issue.origin === 'string' ? 'characters' : 'items';
  if (issue.code === 'too_small' && message.startsWith('Too small: ')) {
    return issue.minimum === 1 && issue.origin !== 'number'
      ? 'must not be empty'
      : `must have at least ${issue.minimum}`;
  }
  if (issue.code === 'too_big' && message.startsWith('Too big: ')) {
    return issue.origin === 'number'
      ? `must be at most ${issue.maximum}`
      : `must have at most ${issue.maximum} ${unit}`;
  }
  return message;
}

const typeNames: Readonly<Record<string, string>> = {
  object: 'an object',
  array: 'a list',
  int: 'a whole number',
  boolean: 'true or false',
};

/** Where a parameter of a job stands in a chat request. */
export const chatParam = ([member]: Path): string => snakeCase(String(member ?? 'body'));

/** This network's own member of a request, `tabloom`; other servers ignore it. */
export const extensionSchema = z
  .object({
    tier: z.string({ error: 'must be a string' }).nullish(),
    deadline_ms: z
      .number({ error: 'must be a number of milliseconds' })
      .int({ error: 'must be a whole number of milliseconds' })
      .min(1, { error: 'must be at least 1' })
      .max(limits.jobDeadlineMsMax, { error: `must be at most ${limits.jobDeadlineMsMax}` })
      .nullish(),
    /** Only these peers. */
    peers: z.array(peerIdSchema, { error: 'must be a list of 1 to 16 peer ids' }).min(1).max(16).nullish(),
    /** The escrow on a chain that pays for the answer, by the name of its job. */
    escrow: escrowJobSchema.nullish(),
    /** Lets the answer be checked: validators may read the question and the answer. */
    release: z.boolean({ error: 'must be true or false' }).nullish(),
  })
  .nullish();
const tierSchema = z.string({ error: 'must be a string' }).nullish();

/** Headers that may also name a tier. */
const tierHeaders = ['x-tabloom-tier', 'x-peer-tier'];

/**
 * Tier, deadline and allowed peers, from the member `tabloom`, `peer_tier` and headers. A tier is granted by what is checked and
 * never by what a peer says: one that nothing here checks is refused before anything is sent. Where several are named, the
 * strictest counts.
 * @param tiers those above the open one that are checked here.
 * @throws `bad-request`, `tier-unavailable`, with the `param` at fault.
 */
export function readExtensions(
  request: { readonly [member: string]: unknown },
  headers: HeaderReader,
  tiers: readonly Tier[],
): Pick<AskTerms, 'tier' | 'deadlineMs' | 'release'> & {
  readonly peers: readonly PeerId[] | undefined;
  readonly escrow: string | undefined;
} {
  const { tabloom, peer_tier } = request;
  const extension = tabloom == null ? undefined : parseMember(extensionSchema, tabloom, 'tabloom');
  const peerTier = peer_tier == null ? undefined : parseMember(tierSchema, peer_tier, 'peer_tier');
  const requested: readonly (readonly [string, string | null | undefined])[] = [
    ['tabloom.tier', extension?.tier],
    ['peer_tier', peerTier],
    ...tierHeaders.map((name) => [name, headers.get(name)] as const),
  ];
  let granted: Tier = 'open';
  for (const [param, tier] of requested) {
    if (tier == null || tier === 'open') continue;
    const checked = tiers.find((one) => one === tier);
    if (checked === undefined) {
      const served = ['open', ...tiers].map((one) => `"${one}"`).join(' or ');
      throw wireError(
        'tier-unavailable',
        `The tier "${tier.slice(0, limits.wordLengthMax)}" cannot be verified here. Only ${served} is served; nothing was sent.`,
        { details: { param } },
      );
    }
    granted = checked;
  }
  return {
    tier: granted,
    deadlineMs: extension?.deadline_ms ?? undefined,
    // Nothing is shown to anybody unless it says so.
    ...(extension?.release === true ? { release: true } : {}),
    peers: extension?.peers ?? undefined,
    escrow: extension?.escrow ?? undefined,
  };
}

/** The parameters that chats and completions share, except for the token limit. */
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
    throw badRequest('"n" must be 1: a request gets one answer. Send the request n times.', 'n');
  }
  return {
    temperature: request.temperature ?? undefined,
    // OpenAI allows 0, which can only mean greedy decoding.
    topP: request.top_p === 0 ? Number.EPSILON : (request.top_p ?? undefined),
    // For no cut-off, vLLM's clients send -1 and llama.cpp's send 0; for no penalty, 0 or 1.
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

/** The token limit in effect, with a warning where it is lower than requested. */
export interface TokenLimit {
  readonly maxTokens: number;
  readonly warnings: readonly RequestWarning[];
}

/**
 * The caller's limit, if any: `null`, 0 and -1 set none. A limit above the maximum is refused; one above the model's
 * context is clamped to it, as `tabloom.max_tokens` reports. The default is at most half of the context, which leaves room
 * for the conversation.
 * @throws `bad-request`.
 */
export function readTokenLimit(
  given: Readonly<Record<string, number | null | undefined>>,
  contextTokens: number = Number.POSITIVE_INFINITY,
  standard: number = gatewayLimits.maxTokensDefault,
): TokenLimit {
  const [param, asked] = Object.entries(given).find(([, value]) => value != null) ?? ['max_tokens', null];
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
