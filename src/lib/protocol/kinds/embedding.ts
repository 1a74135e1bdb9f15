import { z } from 'zod';
import { textSchema } from '../bounded.ts';
import { limits } from '../limits.ts';
import { foldOutput } from '../output.ts';
import type { JobKind } from './spec.ts';

const embeddingInputSchema = z.strictObject({
  texts: z.array(textSchema(limits.messageTextBytesMax).min(1)).min(1).max(limits.embeddingTextsMax),
});

const embeddingParamsSchema = z.strictObject({
  /** Truncate the vector to this many dimensions and renormalise, where the model was trained for it. */
  dimensions: z.number().int().min(1).max(limits.embeddingDimensionsMax).optional(),
});

/** Texts to unit-length vectors: one `embedding` part per text, in order. */
export const embedding = {
  kind: 'embedding',
  input: embeddingInputSchema,
  params: embeddingParamsSchema,
  parts: ['embedding'],
  fold: foldOutput,
  units: { in: 'token', out: 'nothing' },
  outputHash: ['data'],
  limits: { blobBytesMax: 0, blobsMax: 0, dataBytesMax: limits.embeddingTextsMax * limits.embeddingDimensionsMax * 4 },
  needs: () => [],
  promptLength: ({ texts }) => texts.reduce((sum, text) => sum + text.length, 0),
  blobs: () => [],
} as const satisfies JobKind<'embedding', typeof embeddingInputSchema, typeof embeddingParamsSchema>;
