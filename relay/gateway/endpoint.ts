import type { z } from 'zod';
import type { Work } from '#lib/protocol/job.ts';
import type { requestSchema } from '#lib/protocol/openai.ts';
import type { AnswerFormat } from './answer.ts';
import { assertSupported, readModel, type ModelList } from './model-list.ts';
import { findIgnored, rejectUnsupported } from './parameters.ts';
import { parseMember, readExtensions, type ParsedRequest, type TokenLimit } from './request.ts';

/** A route that runs a job: what it accepts, the work that follows from it, and how its answer is written. */
export interface Endpoint {
  /** Every member that it honours; others are refused or reported as ignored. */
  readonly schema: z.ZodType;
  /**
   * Parses a request. Parameters that would change the answer are honoured or refused; harmless ones that are ignored
   * come back as warnings.
   * @throws `bad-request` with the `param` that is wrong, `model-not-found`, `feature-unavailable`, `tier-unavailable`,
   * `too-long`.
   */
  read(body: unknown, headers: Headers, models: ModelList): ParsedRequest;
}

/** The work that a request asks for, with what belongs to it. */
export interface RequestedWork {
  readonly work: Work;
  /** The files that the input refers to, by SHA-256. */
  readonly blobs?: ReadonlyMap<string, Uint8Array> | undefined;
  /** Left out for kinds without a limit. */
  readonly limit?: TokenLimit | undefined;
  readonly format: AnswerFormat;
}

type RequestSchema = typeof requestSchema;

/** @param readWork what is particular to the route; `contextTokens` is the model's, undefined while it is not served. */
export const endpoint = <S extends RequestSchema>(
  schema: S,
  readWork: (request: z.output<S>, contextTokens: number | undefined) => RequestedWork,
): Endpoint => ({
  schema,
  read(body, headers, models) {
    const request = parseMember(schema, body);
    const terms = readExtensions(request, headers);
    rejectUnsupported(request);
    const model = readModel(request.model, models);
    const contextTokens = models.find(request.model)?.contextTokens;
    const { work, blobs, limit, format } = readWork(request, contextTokens);
    assertSupported(request.model, work, models);
    const { stream, stream_options: options } = request;
    return {
      model: request.model,
      answer: stream === true ? 'streamed' : 'whole',
      usageChunk: options?.include_usage === true ? 'sent' : 'omitted',
      maxTokens: limit?.maxTokens,
      contextTokens,
      warnings: [...(limit?.warnings ?? []), ...findIgnored(request, schema)],
      format,
      ask: { ...work, ...terms, model, ...(blobs && blobs.size > 0 ? { blobs } : {}) },
    };
  },
});
