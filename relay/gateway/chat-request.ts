import { z } from 'zod';
import { wireError, type WireErrorCode } from '#lib/protocol/errors.ts';
import { artefactIdSchema, peerIdSchema } from '#lib/protocol/ids.ts';
import { tierSchema } from '#lib/protocol/job.ts';
import { chat, type ChatMessage } from '#lib/protocol/kinds/chat.ts';
import { generationParamsSchema, type GenerationParams } from '#lib/protocol/kinds/generation.ts';
import { limits } from '#lib/protocol/limits.ts';
import { chatCompletionRequestSchema, type ChatCompletionRequest } from '#lib/protocol/openai.ts';
import type { AskRequest } from '#lib/peer/spec.ts';
import { badRequest } from './errors.ts';
import { gatewayLimits } from './limits.ts';
import type { Shelf } from './shelf.ts';
import { findWarnings, type RequestWarning } from './warnings.ts';

/** A chat completion request as this network does it. */
export interface ChatWish {
  readonly ask: AskRequest;
  /** The model's name as the caller wrote it. */
  readonly model: string;
  readonly answer: 'whole' | 'streamed';
  readonly usageChunk: 'sent' | 'omitted';
  readonly warnings: readonly RequestWarning[];
}

/** Our own member of the request; other servers ignore it. */
const extensionSchema = z.object({
  tier: tierSchema.nullish(),
  deadline_ms: z.number().int().min(1).max(limits.jobDeadlineMsMax).nullish(),
  /** Only these peers. */
  peers: z.array(peerIdSchema).min(1).max(16).nullish(),
});

/** Asks for whatever is there. */
const anyModel = 'auto';

/**
 * Reads OpenAI's request. Wishes that cannot be granted come back as warnings; content that cannot be read is refused.
 * @throws `bad-request` with the `param` that is wrong, `model-not-found`.
 */
export function readChatRequest(body: unknown, shelf: Shelf): ChatWish {
  const request = parse(chatCompletionRequestSchema, body);
  const extension = parse(extensionSchema.nullish(), request.tabloom, 'tabloom');
  if ((request.n ?? 1) !== 1) throw badRequest('One request gives one answer here; send the request n times.', 'n');
  const model = readModel(request.model, shelf);
  const input = { messages: request.messages.map(readMessage) };
  return {
    model: request.model,
    answer: request.stream === true ? 'streamed' : 'whole',
    usageChunk: request.stream_options?.include_usage === true ? 'sent' : 'omitted',
    warnings: findWarnings(request),
    ask: {
      model,
      kind: 'chat',
      input: parse(chat.input, input),
      params: parse(generationParamsSchema, readParams(request, shelf)),
      tier: extension?.tier ?? 'open',
      deadlineMs: extension?.deadline_ms ?? undefined,
      only: extension?.peers ?? undefined,
    },
  };
}

function readModel(id: string, shelf: Shelf): AskRequest['model'] {
  if (id === anyModel) return 'any';
  if (!shelf.knows(id)) {
    const code: WireErrorCode = 'model-not-found';
    throw wireError(
      code,
      `Nobody here knows the model "${id.slice(0, limits.nameLengthMax)}". GET /v1/models lists them.`,
      {
        details: { param: 'model' },
      },
    );
  }
  return artefactIdSchema.safeParse(id).success ? { artefact: id } : { name: id };
}

function readMessage(message: ChatCompletionRequest['messages'][number], index: number): ChatMessage {
  const { role, content } = message;
  return {
    role: role === 'developer' ? 'system' : role,
    content: readContent(content, `messages.${index}.content`),
    ...(message.name == null ? {} : { name: message.name }),
  };
}

function readContent(content: ChatCompletionRequest['messages'][number]['content'], param: string): string {
  if (content == null) return '';
  if (typeof content === 'string') return content;
  return content
    .map((part) => {
      if (part.type === 'text') return part.text ?? '';
      if (part.type === 'refusal') return part.refusal ?? '';
      throw badRequest(`This network reads text only for now; "${part.type}" parts cannot be answered.`, param);
    })
    .join('');
}

function readParams(request: ChatCompletionRequest, shelf: Shelf): GenerationParams {
  const stop = typeof request.stop === 'string' ? [request.stop] : (request.stop ?? []);
  return {
    maxTokens: readMaxTokens(request, shelf),
    temperature: request.temperature ?? undefined,
    // OpenAI allows 0, which can only mean "the likeliest".
    topP: request.top_p === 0 ? Number.EPSILON : (request.top_p ?? undefined),
    frequencyPenalty: request.frequency_penalty ?? undefined,
    presencePenalty: request.presence_penalty ?? undefined,
    seed: request.seed == null ? undefined : ((request.seed % 2 ** 32) + 2 ** 32) % 2 ** 32,
    stop: stop.some((sequence) => sequence !== '') ? stop.filter((sequence) => sequence !== '') : undefined,
  };
}

/** A caller that names no limit gets at most half of the context, so that the conversation fits beside the answer. */
function readMaxTokens(request: ChatCompletionRequest, shelf: Shelf): number {
  const wanted = request.max_completion_tokens ?? request.max_tokens;
  if (wanted != null) return Math.min(wanted, limits.maxTokensMax);
  const contextTokens = shelf.find(request.model)?.contextTokens ?? Number.POSITIVE_INFINITY;
  return Math.max(1, Math.min(gatewayLimits.maxTokensDefault, Math.floor(contextTokens / 2)));
}

/** OpenAI writes paths with dots and puts the first wrong member into `param`. */
function parse<S extends z.ZodType>(schema: S, value: unknown, prefix?: string): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const param = [prefix, ...issue.path].filter((step) => step !== undefined).join('.');
  throw badRequest(`"${param || 'body'}" is not valid: ${issue.message}.`, param || 'body');
}
