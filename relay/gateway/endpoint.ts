import type { z } from 'zod';
import type { Work } from '#lib/protocol/job.ts';
import type { requestSchema } from '#lib/protocol/openai.ts';
import type { AnswerFormat } from './answer.ts';
import type { ModelAttempt } from './attempts.ts';
import type { HeaderReader } from './caller.ts';
import type { EmbeddingPart } from './embedding-parts.ts';
import { badRequest } from './errors.ts';
import { assertSupported, readModel, type ModelList } from './model-list.ts';
import { findIgnored, rejectUnsupported, type RequestWarning } from './parameters.ts';
import { readProvider } from './provider.ts';
import { parseMember, readExtensions, type ParsedRequest, type TokenLimit } from './request.ts';

/** A route that runs a job: what it accepts, the work that follows from it, and how its answer is written. */
export interface Endpoint extends EndpointDescription {
  /**
   * Parses a request. Parameters that would change the answer are honoured or refused; harmless ones that are ignored
   * come back as warnings.
   * @throws `bad-request` with the `param` that is wrong, `model-not-found`, `feature-unavailable`, `tier-unavailable`,
   * `too-long`.
   */
  read(body: unknown, headers: HeaderReader, models: ModelList): ParsedRequest;
  /** A request that is more than one job has room for, as several; undefined for any other. @throws `bad-request`. */
  readonly parts?: ((body: unknown) => readonly EmbeddingPart[] | undefined) | undefined;
}

/** A route as its reference describes it. */
export interface EndpointDescription {
  /** A sentence for people. */
  readonly summary: string;
  /** Every member that it honours; others are refused or reported as ignored. */
  readonly request: z.ZodObject;
  /** Of a whole answer. */
  readonly answer: z.ZodObject;
  /** The member that needs a feature of the model, where it has another name than in chat completions. */
  readonly params?: Readonly<Record<string, string>> | undefined;
  /** The data of one event of a streamed answer; undefined for what is never streamed. */
  readonly event?: z.ZodType | undefined;
}

/** The work that a request asks for, with what belongs to it. */
export interface RequestedWork {
  readonly work: Work;
  /** The files that the input refers to, by SHA-256. */
  readonly blobs?: ReadonlyMap<string, Uint8Array> | undefined;
  /** Left out for kinds without a limit. */
  readonly limit?: TokenLimit | undefined;
  /** Whether a worker may leave out the beginning of a conversation that exceeds its context; `refused` by default. */
  readonly overflow?: ModelAttempt['overflow'] | undefined;
  readonly warnings?: readonly RequestWarning[] | undefined;
  readonly format: AnswerFormat;
}

type RequestSchema = typeof requestSchema;

/** @param readWork what is particular to the route; `contextTokens` is the model's, undefined while it is not served. */
export const endpoint = <S extends RequestSchema>(
  description: EndpointDescription & {
    readonly request: S;
    /** Whether the schema would return a request as it is; where this is false, or left out, the schema is asked. */
    readonly isPlain?: ((body: unknown) => body is z.output<S>) | undefined;
  },
  readWork: (request: z.output<S>, contextTokens: number | undefined) => RequestedWork,
): Endpoint => ({
  ...description,
  read(body, headers, models) {
    const { request: schema, isPlain } = description;
    const request = isPlain?.(body) ? body : parseMember(schema, withModel(body));
    const { peers, escrow, ...terms } = readExtensions(request, headers, models.tiers);
    rejectUnsupported(request);
    const provider = readProvider(request.provider, peers);
    const ignored = findIgnored(request, schema);
    if (ignored[0] && provider.ignoredParameters === 'refused') {
      throw badRequest(`${ignored[0].message} "provider.require_parameters" forbids that.`, ignored[0].param);
    }
    const readAttempt = (name: string): ModelAttempt & { readonly format: AnswerFormat } => {
      const model = readModel(name, models);
      const contextTokens = models.contextTokens(name);
      const { work, blobs, limit, overflow, warnings = [], format } = readWork(request, contextTokens);
      assertSupported(name, work, provider.conditions, models, description.params);
      return {
        model: name,
        maxTokens: limit?.maxTokens,
        contextTokens,
        conversation: memberOf(schema),
        overflow: overflow ?? 'refused',
        warnings: [...(limit?.warnings ?? []), ...provider.warnings, ...warnings, ...ignored],
        format,
        ask: { ...work, ...terms, ...provider.conditions, model, ...(blobs && blobs.size > 0 ? { blobs } : {}) },
      };
    };
    const [first, ...others] = readAttempts([request.model, ...(request.models ?? [])], readAttempt);
    const { stream, stream_options: options } = request;
    return {
      attempts: [first, ...others],
      answer: stream === true ? 'streamed' : 'whole',
      usageChunk: options?.include_usage === true ? 'sent' : 'omitted',
      format: first.format,
      endUser: request.safety_identifier ?? request.user ?? undefined,
      escrow,
    };
  },
});

/** The member that holds what the model reads. */
const memberOf = ({ shape }: z.ZodObject): ModelAttempt['conversation'] =>
  'messages' in shape ? 'messages' : 'input' in shape ? 'input' : 'prompt';

/** A list of models alone will do: the first is the one that is meant. */
function withModel(body: unknown): unknown {
  if (typeof body !== 'object' || body === null) return body;
  const { model, models } = body as { readonly model?: unknown; readonly models?: unknown };
  return model == null && Array.isArray(models) ? { ...body, model: models[0] } : body;
}

/** An attempt for each model that can do the work. @throws the first model's error where none can. */
function readAttempts<A>(names: readonly string[], read: (name: string) => A): readonly [A, ...A[]] {
  const errors: unknown[] = [];
  const [first, ...others] = [...new Set(names)].flatMap((name) => {
    try {
      return [read(name)];
    } catch (error) {
      errors.push(error);
      return [];
    }
  });
  if (first === undefined) throw errors[0];
  return [first, ...others];
}
