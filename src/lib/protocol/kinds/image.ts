import { z } from 'zod';
import { textSchema } from '../bounded.ts';
import { limits } from '../limits.ts';
import { foldOutput } from '../output.ts';
import { blobRefSchema } from './blob.ts';
import type { JobKind } from './spec.ts';

const imageInputSchema = z.strictObject({
  prompt: textSchema(limits.messageTextBytesMax).min(1),
  /** Starting images, for editing and variations. */
  images: z.array(blobRefSchema).max(4).optional(),
});
const pixels = z.number().int().min(64).max(4_096);
const imageParamsSchema = z.strictObject({
  width: pixels,
  height: pixels,
  count: z.number().int().min(1).max(4).optional(),
  seed: z.number().int().min(0).max(0xffff_ffff).optional(),
});

/** Text to images. Defined on the wire; no engine implements it yet. */
export const image = {
  kind: 'image',
  input: imageInputSchema,
  params: imageParamsSchema,
  parts: ['data-delta'],
  fold: foldOutput,
  units: { in: 'nothing', out: 'image' },
  outputHash: ['data'],
  limits: { blobBytesMax: limits.blobBytesMax, blobsMax: 4, dataBytesMax: 64 * 1024 * 1024 },
  needs: ({ input }) => (input.images && input.images.length > 0 ? ['vision'] : []),
  promptLength: ({ prompt }) => prompt.length,
  blobs: ({ images = [] }) => images,
} as const satisfies JobKind<'image', typeof imageInputSchema, typeof imageParamsSchema>;
