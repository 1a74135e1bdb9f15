import { limits } from './limits.ts';

/**
 * A strict DAG-CBOR reader (ipld.io/specs/codecs/dag-cbor) that accepts only the canonical encoding defined by the wire
 * document: shortest integers and lengths, keys unique and sorted (shorter first, then bytewise), 64-bit floats only
 * where the value is not a safe integer, valid UTF-8. No tags, no indefinite lengths, no `undefined`, no NaN, no
 * integer beyond 2^53 − 1. One pass; memory is allocated for what has been read, never for a declared length, and
 * nesting and item count are limited.
 *
 * Hand-written because the available libraries accept non-canonical encodings and strip a leading byte order mark from
 * text, so a reader would hash different bytes from the ones that were signed.
 * @throws Error with a plain message; {@link decodeCbor} attaches the code.
 */
export function readCbor(bytes: Uint8Array): unknown {
  const reader: Reader = {
    bytes,
    view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    at: 0,
    items: 0,
  };
  const value = readItem(reader, 0);
  if (reader.at !== bytes.length) throw new Error('there are trailing bytes after the message');
  return value;
}

interface Reader {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  at: number;
  items: number;
}

const major = { uint: 0, negative: 1, bytes: 2, text: 3, array: 4, map: 5, simple: 7 } as const;
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function readItem(reader: Reader, depth: number): unknown {
  if (++reader.items > limits.cborItemsMax) throw new Error('there are too many items');
  const head = take(reader, 1);
  const kind = reader.bytes[head]! >> 5;
  const info = reader.bytes[head]! & 31;
  switch (kind) {
    case major.uint:
      return readArgument(reader, info);
    case major.negative:
      return negative(readArgument(reader, info));
    case major.bytes:
      // Copied into a plain Uint8Array: `slice` of a Node Buffer would keep the whole frame alive.
      return new Uint8Array(readBytes(reader, info));
    case major.text:
      return decoder.decode(readBytes(reader, info));
    case major.array:
      return readArray(reader, info, depth);
    case major.map:
      return readMap(reader, info, depth);
    case major.simple:
      return readSimple(reader, info);
    default:
      throw new Error('tags are not part of the protocol');
  }
}

/** Advances by `length` bytes and returns their offset. */
function take(reader: Reader, length: number): number {
  const start = reader.at;
  if (length > reader.bytes.length - start) throw new Error('the message is truncated');
  reader.at += length;
  return start;
}

function readArgument(reader: Reader, info: number): number {
  if (info < 24) return info;
  if (info > 27) throw new Error('indefinite lengths are not part of the protocol');
  const size = 1 << (info - 24);
  const at = take(reader, size);
  const value =
    size === 1
      ? reader.view.getUint8(at)
      : size === 2
        ? reader.view.getUint16(at)
        : size === 4
          ? reader.view.getUint32(at)
          : Number(reader.view.getBigUint64(at));
  if (value > Number.MAX_SAFE_INTEGER) throw new Error('an integer is larger than 2^53 - 1');
  if (value < (size === 1 ? 24 : 2 ** (4 * size))) throw new Error('an integer is not in its shortest form');
  return value;
}

function negative(argument: number): number {
  if (argument === Number.MAX_SAFE_INTEGER) throw new Error('an integer is smaller than 1 - 2^53');
  return -1 - argument;
}

function readBytes(reader: Reader, info: number): Uint8Array {
  const length = readArgument(reader, info);
  const start = take(reader, length);
  return reader.bytes.subarray(start, start + length);
}

function readArray(reader: Reader, info: number, depth: number): unknown[] {
  const length = readCount(reader, info, depth);
  const values: unknown[] = [];
  for (let i = 0; i < length; i++) values.push(readItem(reader, depth + 1));
  return values;
}

function readMap(reader: Reader, info: number, depth: number): Record<string, unknown> {
  const length = readCount(reader, info, depth);
  const members: Record<string, unknown> = {};
  let before: Uint8Array | undefined;
  for (let i = 0; i < length; i++) {
    const head = reader.bytes[take(reader, 1)]!;
    if (head >> 5 !== major.text) throw new Error('a key is not text');
    const keyBytes = readBytes(reader, head & 31);
    if (before && !isBefore(before, keyBytes)) throw new Error('keys are not sorted or not unique');
    before = keyBytes;
    const key = readKey(keyBytes);
    const value = readItem(reader, depth + 1);
    // Plain assignment to this name would set the object's prototype.
    if (key === '__proto__') Object.defineProperty(members, key, { value, enumerable: true });
    else members[key] = value;
  }
  return members;
}

const shortKeyBytes = 24;

/** Nearly all keys are short ASCII, for which the platform's decoder costs more than all else about a member. */
function readKey(bytes: Uint8Array): string {
  if (bytes.length > shortKeyBytes) return decoder.decode(bytes);
  let key = '';
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i]! >= 0x80) return decoder.decode(bytes);
    key += String.fromCharCode(bytes[i]!);
  }
  return key;
}

/** The declared number of members. Nothing is allocated from it. */
function readCount(reader: Reader, info: number, depth: number): number {
  if (depth >= limits.nestingMax) throw new Error('the message is nested too deeply');
  return readArgument(reader, info);
}

function isBefore(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return a.length < b.length;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! < b[i]!;
  return false;
}

function readSimple(reader: Reader, info: number): unknown {
  if (info === 20 || info === 21) return info === 21;
  if (info === 22) return null;
  if (info !== 27) throw new Error('only false, true, null and 64-bit floats are part of the protocol');
  const value = reader.view.getFloat64(take(reader, 8));
  if (!Number.isFinite(value)) throw new Error('a number is not finite');
  if (Number.isSafeInteger(value)) throw new Error('an integer is encoded as a float');
  return value;
}
