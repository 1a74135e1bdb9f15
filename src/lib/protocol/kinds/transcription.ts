import { z } from 'zod';
import { textSchema } from '../bounded.ts';
import { limits } from '../limits.ts';
import { foldOutput } from '../output.ts';
import { blobRefSchema } from './blob.ts';
import type { JobKind } from './spec.ts';

const transcriptionInputSchema = z.strictObject({
  audio: blobRefSchema,
  /** Words likely to occur, as a hint. */
  prompt: textSchema(limits.stopSequenceBytesMax * 4).optional(),
});
const transcriptionParamsSchema = z.strictObject({
  /** BCP 47; detected if absent. */
  language: z.string().max(35).optional(),
  temperature: z.number().min(0).max(1).optional(),
});

/** Speech to text. Defined on the wire; no engine implements it yet. */
export const transcription = {
  kind: 'transcription',
  input: transcriptionInputSchema,
  params: transcriptionParamsSchema,
  parts: ['text-delta'],
  fold: foldOutput,
  units: { in: 'second', out: 'token' },
  outputHash: ['text', 'ids'],
  limits: { blobBytesMax: limits.blobBytesMax, blobsMax: 1, dataBytesMax: 0 },
  needs: () => [],
  promptLength: ({ prompt = '' }) => prompt.length,
  blobs: ({ audio }) => [audio],
} as const satisfies JobKind<'transcription', typeof transcriptionInputSchema, typeof transcriptionParamsSchema>;
