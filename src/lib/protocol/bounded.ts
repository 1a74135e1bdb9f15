import { z } from 'zod';
import { utf8Encode } from '#lib/base/bytes.ts';

/**
 * Text of at most `bytesMax` bytes of UTF-8. The length in code units is checked first: it is cheap and never exceeds
 * the byte length.
 */
export const textSchema = (bytesMax: number) =>
  z
    .string()
    .max(bytesMax)
    .refine((text) => utf8Encode(text).length <= bytesMax, `expected at most ${bytesMax} bytes of UTF-8`);

/** At most `bytesMax` bytes; any `Uint8Array` will do, a Node Buffer included. */
export const bytesSchema = (bytesMax: number) =>
  z
    .custom<Uint8Array>((value) => value instanceof Uint8Array, 'expected bytes')
    .refine((bytes) => bytes.length <= bytesMax, `expected at most ${bytesMax} bytes`);

export const someBytesSchema = (bytesMax: number) =>
  bytesSchema(bytesMax).refine((bytes) => bytes.length > 0, 'expected at least one byte');

export const fixedBytesSchema = (length: number) =>
  bytesSchema(length).refine((bytes) => bytes.length === length, `expected ${length} bytes`);
