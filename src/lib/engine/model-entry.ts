import { z } from 'zod';
import { artefactIdSchema, hashSchema } from '#lib/protocol/ids.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { ModelEntry } from './spec.ts';

const count = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
const url = z.string().min(1).max(2_048);

const sourceSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('gguf'),
    url,
    sizeBytes: count.min(1),
    sha256: hashSchema,
    template: z.enum(['chatml', 'llama3']).optional(),
  }),
  z.object({
    kind: z.literal('mlc'),
    weightsUrl: url,
    libraryUrl: url,
    f16: z.boolean(),
    integrity: z.record(z.string().max(128), z.string().max(256)).optional(),
  }),
  z.object({ kind: z.literal('remote'), remoteName: z.string().min(1).max(256) }),
  z.object({ kind: z.literal('scripted') }),
]);

/** Validates a model entry from outside (a worker message, a setting, a link). */
export const modelEntrySchema: z.ZodType<ModelEntry> = z.object({
  name: z
    .string()
    .max(limits.nameLengthMax)
    .regex(/^[a-zA-Z0-9][a-zA-Z0-9._:/-]*$/, 'a model name has letters, digits and . _ : / -'),
  title: z.string().min(1).max(limits.nameLengthMax),
  base: z.string().min(1).max(limits.nameLengthMax).optional(),
  engines: z.array(z.string().min(1).max(64)).min(1).max(8),
  artefact: artefactIdSchema,
  contextTokens: count.min(1).max(10_000_000),
  quantisation: z.string().max(32),
  parameters: count,
  sizeBytes: count,
  memoryBytes: count,
  largestBufferBytes: count.optional(),
  licence: z.string().max(64),
  note: z.string().max(256).optional(),
  source: sourceSchema,
});
