import { z } from 'zod';
import { hashSchema } from '../ids.ts';
import { limits } from '../limits.ts';

/** A media type without parameters, such as `image/png`. */
export const mimeSchema = z
  .string()
  .max(limits.mimeLengthMax)
  .regex(/^[a-z0-9.+-]+\/[a-z0-9.+-]+$/, 'expected a media type such as image/png');

/** A reference to a file by its SHA-256. */
export const blobRefSchema = z.strictObject({
  mime: mimeSchema,
  sha256: hashSchema,
  sizeBytes: z.number().int().min(1).max(limits.blobBytesMax),
});
