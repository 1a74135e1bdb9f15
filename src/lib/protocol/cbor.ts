import * as dagCbor from '@ipld/dag-cbor';
import { z } from 'zod';
import { TabloomError } from '#lib/base/errors.ts';
import { readCbor } from './cbor-read.ts';
import { limits } from './limits.ts';

/**
 * DAG-CBOR: one byte string for one value, so that hashing and signing need no second form. Object members that are
 * `undefined` are left out.
 * @throws `bad-frame` for what has no place in DAG-CBOR (NaN, a cycle, a function) or is nested too deeply.
 */
export function encodeCbor(value: unknown): Uint8Array {
  const plain = withoutUndefined(value, 0);
  try {
    // The library hands out Node Buffers over pooled memory; what goes further is plain bytes.
    return new Uint8Array(dagCbor.encode(plain));
  } catch (cause) {
    throw new TabloomError('bad-frame', 'The message holds a value that the protocol has no form for.', { cause });
  }
}

/**
 * Bytes → CBOR → schema → typed value. Nothing raw goes further.
 * @throws `code` (default `bad-frame`) for anything that is not the one encoding of a value of the schema.
 */
export function decodeCbor<S extends z.ZodType>(schema: S, bytes: Uint8Array, code = 'bad-frame'): z.output<S> {
  return parseRecord(schema, readRecord(bytes, code), code);
}

/** Bytes → CBOR, still to be held to a schema. @throws `code`. */
export function readRecord(bytes: Uint8Array, code = 'bad-frame'): unknown {
  try {
    return readCbor(bytes);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'it cannot be read';
    throw new TabloomError(code, `The bytes are not DAG-CBOR as the wire document says: ${why}.`, { cause });
  }
}

/** The schema's own value, or the first thing that does not fit. @throws `code`. */
export function parseRecord<S extends z.ZodType>(schema: S, raw: unknown, code = 'bad-frame'): z.output<S> {
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new TabloomError(
    code,
    `The message does not fit its schema at "${issue?.path.join('.') ?? ''}": ${issue?.message ?? 'invalid'}.`,
  );
}

function withoutUndefined(value: unknown, depth: number): unknown {
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return value;
  if (depth >= limits.nestingMax) throw new TabloomError('bad-frame', 'The message is nested too deeply.');
  if (Array.isArray(value)) return value.map((item) => withoutUndefined(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .map(([key, member]) => [key, withoutUndefined(member, depth + 1)]),
  );
}
