import * as dagCbor from '@ipld/dag-cbor';
import { z } from 'zod';
import { TabloomError } from '#lib/base/errors.ts';
import { limits } from './limits.ts';

/**
 * DAG-CBOR: one byte string for one value, so that hashing and signing need no second form. Object members that are
 * `undefined` are left out.
 */
export function encodeCbor(value: unknown): Uint8Array {
  return dagCbor.encode(withoutUndefined(value, 0));
}

/**
 * Bytes → CBOR → schema → typed value. Nothing raw goes further.
 * @throws `code` (default `bad-frame`) for anything that is not DAG-CBOR of the schema within `limits.nestingMax`.
 */
export function decodeCbor<S extends z.ZodType>(schema: S, bytes: Uint8Array, code = 'bad-frame'): z.output<S> {
  let raw: unknown;
  try {
    assertNesting(bytes);
    raw = dagCbor.decode(bytes);
  } catch (cause) {
    throw new TabloomError(code, 'The bytes are not DAG-CBOR. Encode the message as the wire document says.', {
      cause,
    });
  }
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new TabloomError(
    code,
    `The message does not fit its schema at "${issue?.path.join('.') ?? ''}": ${issue?.message ?? 'invalid'}.`,
  );
}

function withoutUndefined(value: unknown, depth: number): unknown {
  if (depth > limits.nestingMax) throw new TabloomError('bad-frame', 'The message is nested too deeply.');
  if (Array.isArray(value)) return value.map((item) => withoutUndefined(item, depth + 1));
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .map(([key, member]) => [key, withoutUndefined(member, depth + 1)]),
  );
}

/**
 * Walks the heads of the items without building anything, so that deep nesting cannot exhaust the decoder's stack and
 * a declared length past the end of the input is refused before memory is taken for it.
 */
function assertNesting(bytes: Uint8Array): void {
  const open: number[] = [];
  let at = 0;
  do {
    while (open.length > 0 && open.at(-1) === 0) open.pop();
    if (open.length > 0) open[open.length - 1]! -= 1;
    const head = bytes[at++];
    if (head === undefined) throw new Error('truncated');
    const major = head >> 5;
    const info = head & 31;
    if (info > 27) throw new Error('indefinite length');
    const extra = info < 24 ? 0 : 1 << (info - 24);
    if (at + extra > bytes.length) throw new Error('truncated');
    let argument = info < 24 ? info : 0;
    for (let i = 0; i < extra; i++) argument = argument * 256 + bytes[at + i]!;
    at += extra;
    if (major === 2 || major === 3) {
      at += argument;
      if (at > bytes.length) throw new Error('truncated');
    } else if (major === 4 || major === 5) {
      const items = major === 5 ? argument * 2 : argument;
      if (items > bytes.length - at) throw new Error('truncated');
      open.push(items);
      if (open.length > limits.nestingMax) throw new Error('nested too deeply');
    } else if (major === 6) open.push(1);
    while (open.length > 0 && open.at(-1) === 0) open.pop();
  } while (open.length > 0);
  if (at !== bytes.length) throw new Error('trailing bytes');
}
