import { z } from 'zod';
import { jobInputSchema, jobParamsSchema, resumeSchema } from '#lib/protocol/job.ts';
import { partSchema, usageSchema } from '#lib/protocol/part.ts';
import type { EngineEvent, EngineInfo, EngineRequest, LoadProgress } from './spec.ts';

const durationMs = z.number().nonnegative().max(1e12);
const bytes = z.number().nonnegative().max(Number.MAX_SAFE_INTEGER);

/** What crosses between a page and its worker, as schemas of the port's types. */
export const engineInfoSchema: z.ZodType<EngineInfo> = z.object({
  name: z.string().min(1).max(64),
  build: z.string().max(64),
  deviceClass: z.string().max(64),
});

export const engineRequestSchema: z.ZodType<EngineRequest> = z.intersection(
  jobInputSchema,
  z.object({ params: jobParamsSchema, resume: resumeSchema.optional() }),
);

export const engineEventSchema: z.ZodType<EngineEvent> = z.union([
  partSchema,
  z.object({
    type: z.literal('finish'),
    reason: z.enum(['stop', 'length']),
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
