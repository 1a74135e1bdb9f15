import { z } from 'zod';
import { textSchema } from '../bounded.ts';
import { limits } from '../limits.ts';
import { foldOutput } from '../output.ts';
import { wordSchema } from '../word.ts';
import type { JobKind } from './spec.ts';

const speechInputSchema = z.strictObject({ text: textSchema(limits.messageTextBytesMax).min(1) });
const speechParamsSchema = z.strictObject({
  voice: z.string().max(limits.nameLengthMax).optional(),
  /** `wav`, `opus`, `mp3`, `pcm`. */
  format: wordSchema.optional(),
  speed: z.number().min(0.25).max(4).optional(),
});

/** Text to speech. Defined on the wire; no engine implements it yet. */
export const speech = {
  kind: 'speech',
  input: speechInputSchema,
  params: speechParamsSchema,
  parts: ['data-delta'],
  fold: foldOutput,
  units: { in: 'character', out: 'second' },
  outputHash: ['data'],
  limits: { blobBytesMax: 0, blobsMax: 0, dataBytesMax: 32 * 1024 * 1024 },
  needs: () => [],
  promptLength: ({ text }) => text.length,
  blobs: () => [],
} as const satisfies JobKind<'speech', typeof speechInputSchema, typeof speechParamsSchema>;
