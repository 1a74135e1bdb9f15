import { z } from 'zod';
import { utf8Encode } from '#lib/base/bytes.ts';

/** Text of at most so many bytes in UTF-8. The length in code units is looked at first: it is never the larger one. */
export const textSchema = (bytesMax: number) =>
  z
    .string()
    .max(bytesMax)
    .refine((text) => utf8Encode(text).length <= bytesMax, `expected at most ${bytesMax} bytes of UTF-8`);

/** Bytes, whatever memory they lie in. */
export const bytesSchema = (bytesMax: number) =>
  z
    .custom<Uint8Array>((value) => value instanceof Uint8Array, 'expected bytes')
    .refine((bytes) => bytes.length <= bytesMax, `expected at most ${bytesMax} bytes`);

export const someBytesSchema = (bytesMax: number) =>
  bytesSchema(bytesMax).refine((bytes) => bytes.length > 0, 'expected at least one byte');

export const fixedBytesSchema = (length: number) =>
  bytesSchema(length).refine((bytes) => bytes.length === length, `expected ${length} bytes`);
