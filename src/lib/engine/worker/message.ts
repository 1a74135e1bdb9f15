import { z } from 'zod';
import { features } from '#lib/protocol/kinds/spec.ts';
import { kindNames } from '#lib/protocol/kinds/table.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { errorCodeSchema } from '#lib/protocol/errors.ts';
import {
  engineEventSchema,
  engineInfoSchema,
  engineRequestSchema,
  loadProgressSchema,
  scoreRequestSchema,
  tokenScoresSchema,
} from '../event.ts';
import { modelEntrySchema } from '../model-entry.ts';

/** Messages from a page to its engine worker. One worker holds one model, so unloading means terminating the worker. */
export type WorkerRequest = z.output<typeof workerRequestSchema>;
/** Messages from the worker to the page. */
export type WorkerReply = z.output<typeof workerReplySchema>;

const id = z.number().int().positive();

export const workerRequestSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('load'), id, model: modelEntrySchema }),
  z.object({ type: z.literal('stream'), id, request: engineRequestSchema, credits: z.number().int().positive() }),
  z.object({ type: z.literal('score'), id, request: scoreRequestSchema }),
  /** The page has consumed `credits` more events: backpressure without a timer. */
  z.object({ type: z.literal('more'), id, credits: z.number().int().positive() }),
  z.object({ type: z.literal('cancel'), id }),
]);

const errorRecordSchema = z.object({
  code: errorCodeSchema,
  message: z.string().max(4_096),
  details: z.record(z.string(), z.unknown()).optional(),
});

export const workerReplySchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready'), info: engineInfoSchema }),
  z.object({ type: z.literal('progress'), id, progress: loadProgressSchema }),
  z.object({
    type: z.literal('loaded'),
    id,
    model: modelEntrySchema,
    info: engineInfoSchema,
    contextTokens: z.number().int().positive(),
    kinds: z.array(z.enum(kindNames)).min(1),
    features: z.array(z.enum(features)),
    slots: z.number().int().positive(),
    canScore: z.boolean().optional(),
  }),
  z.object({ type: z.literal('event'), id, event: engineEventSchema }),
  z.object({ type: z.literal('done'), id }),
  z.object({ type: z.literal('scored'), id, scores: tokenScoresSchema }),
  z.object({ type: z.literal('failed'), id, error: errorRecordSchema }),
  /** The loaded model no longer works, whether idle or not; the page terminates the worker. */
  z.object({ type: z.literal('lost'), error: errorRecordSchema }),
]);

/** @throws `bad-worker-message` for anything that does not match the schema. */
export function readWorkerMessage<S extends z.ZodType>(schema: S, raw: unknown): z.output<S> {
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new TabloomError(
    'bad-worker-message',
    `The engine worker and the page disagree at "${issue?.path.join('.') ?? ''}". Reload the page to get one version of both.`,
  );
}

/** Events a worker may have in flight before it waits for the page. */
export const streamCredits = 256;
