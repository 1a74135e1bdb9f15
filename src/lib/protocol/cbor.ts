import type { z } from 'zod';
import { TabloomError } from '#lib/base/errors.ts';
import { readCbor } from './cbor-read.ts';
import { writeCbor } from './cbor-write.ts';

/**
 * DAG-CBOR: every value has exactly one encoding, so the same bytes are sent, hashed and signed. Object members that
 * are `undefined` are omitted.
 * @throws `bad-frame` for values DAG-CBOR cannot represent (NaN, a cycle, a function) or nested too deeply.
 */
export function encodeCbor(value: unknown): Uint8Array {
  try {
    return writeCbor(value);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'it is not plain data';
    throw new TabloomError('bad-frame', `The message cannot be encoded: ${why}.`, { cause });
  }
}

/**
 * Bytes → CBOR → schema → typed value.
 * @throws `code` (default `bad-frame`) unless the bytes are the canonical encoding of a value that fits the schema.
 */
export function decodeCbor<S extends z.ZodType>(schema: S, bytes: Uint8Array, code = 'bad-frame'): z.output<S> {
  return parseRecord(schema, readRecord(bytes, code), code);
}

/** Bytes → CBOR, not yet validated against a schema. @throws `code` (default `bad-frame`). */
export function readRecord(bytes: Uint8Array, code = 'bad-frame'): unknown {
  try {
    return readCbor(bytes);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'it cannot be parsed';
    throw new TabloomError(code, `The bytes are not canonical DAG-CBOR: ${why}.`, { cause });
  }
}

/** The parsed value. @throws `code` (default `bad-frame`), naming the first member that does not fit. */
export function parseRecord<S extends z.ZodType>(schema: S, raw: unknown, code = 'bad-frame'): z.output<S> {
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new TabloomError(
    code,
    `The message does not match its schema at "${issue?.path.join('.') ?? ''}": ${issue?.message ?? 'invalid'}.`,
  );
}
