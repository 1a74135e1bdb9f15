import { z } from 'zod';
import { resumeSchema } from '#lib/protocol/job.ts';
import { kindOf } from '#lib/protocol/kinds/table.ts';
import { partSchema, usageSchema } from '#lib/protocol/part.ts';
import { limits } from '#lib/protocol/limits.ts';
import type {
  EngineEvent,
  EngineInfo,
  EngineRequest,
  LoadProgress,
  ScoreRequest,
  TextRequest,
  TokenScore,
} from './spec.ts';

const durationMs = z.number().nonnegative().max(1e12);
const bytes = z.number().nonnegative().max(Number.MAX_SAFE_INTEGER);

/** Schemas for the engine types that cross between a page and its worker. */
export const engineInfoSchema: z.ZodType<EngineInfo> = z.object({
  name: z.string().min(1).max(64),
  build: z.string().max(64),
  deviceClass: z.string().max(64),
});

export const engineRequestSchema: z.ZodType<EngineRequest> = z
  .looseObject({
    kind: z.string(),
    resume: resumeSchema.optional(),
    blobs: z.map(z.string(), z.instanceof(Uint8Array)).optional(),
  })
  .transform((request, context) => {
    const row = kindOf(request.kind);
    const input = row?.input.safeParse(request['input']);
    const params = row?.params.safeParse(request['params']);
    if (input?.success && params?.success) {
      const { kind, resume, blobs } = request;
      return { kind, input: input.data, params: params.data, resume, blobs } as EngineRequest;
    }
    context.addIssue({ code: 'custom', message: 'expected a request of a known kind' });
    return z.NEVER;
  });

export const engineEventSchema: z.ZodType<EngineEvent> = z.union([
  partSchema,
  z.object({
    type: z.literal('finish'),
    reason: z.enum(['stop', 'length', 'tool-calls', 'content-filter']),
    usage: usageSchema,
    timings: z.object({ ttftMs: durationMs, decodeMs: durationMs }),
  }),
]);

export const loadProgressSchema: z.ZodType<LoadProgress> = z.object({
  phase: z.enum(['download', 'verify', 'cache', 'compile', 'ready']),
  loadedBytes: bytes,
  totalBytes: bytes,
  elapsedMs: durationMs,
  remainingMs: durationMs.optional(),
  fromCache: z.boolean(),
});

const tokenIds = z.array(z.number().int().min(0).max(0xffff_ffff)).max(limits.contextTokensMax);

export const scoreRequestSchema: z.ZodType<ScoreRequest> = z.object({
  prompt: z.union([
    tokenIds,
    engineRequestSchema.transform((request, context): TextRequest => {
      if (request.kind === 'chat' || request.kind === 'completion') return request;
      context.addIssue({ code: 'custom', message: 'expected a request for text' });
      return z.NEVER;
    }),
  ]),
  answer: tokenIds,
  text: z.string().optional(),
  ending: z.enum(['stop', 'length']).optional(),
  distribution: z.object({ temperature: z.number().positive().max(2) }).optional(),
});

const logarithm = z.number().max(0);
const nats = z.number().nonnegative();

/** One for each token of the longest answer, and one for its end. */
export const tokenScoresSchema: z.ZodType<readonly TokenScore[]> = z
  .array(
    z.object({
      logprob: logarithm,
      best: logarithm,
      end: logarithm.optional(),
      sampled: z.object({ surprise: nats, entropy: nats, variance: nats, renyiHalf: nats }).optional(),
    }),
  )
  .max(limits.contextTokensMax + 1);
