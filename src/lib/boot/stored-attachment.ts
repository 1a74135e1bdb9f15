import { z } from 'zod';

const pictureSchema = z.object({
  mime: z.literal('image/jpeg'),
  bytes: z.custom<Uint8Array<ArrayBuffer>>((value) => value instanceof Uint8Array),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  width: z.number(),
  height: z.number(),
});

export const attachmentSchema = z.object({
  id: z.string().max(64),
  name: z.string().max(256),
  text: z.string(),
  pages: z.array(z.number().int().nonnegative()).readonly().optional().catch(undefined),
  unit: z.enum(['page', 'sheet', 'slide']).optional().catch(undefined),
  titles: z.array(z.string()).readonly().optional().catch(undefined),
  picture: pictureSchema.optional(),
});
