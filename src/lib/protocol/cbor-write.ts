import { limits } from './limits.ts';

/**
 * A DAG-CBOR writer (ipld.io/specs/codecs/dag-cbor), the counterpart of `cbor-read.ts`: what it writes is the one encoding
 * that the reader accepts. Object members that are `undefined` are omitted, half a surrogate pair is written as U+FFFD.
 *
 * Hand-written because every answer is encoded a dozen times, to be sent, hashed, signed and compared, and the library spends
 * most of its time on what the protocol does not have. Property tests check it against that library.
 * @throws Error with a plain message; `encodeCbor` attaches the code.
 */
export function writeCbor(value: unknown): Uint8Array<ArrayBuffer> {
  const writer: Writer = { bytes: spare, at: 0 };
  // Taken for the time of the call: a getter inside the value may encode something itself.
  spare = nothing;
  if (writer.bytes.length === 0) writer.bytes = new Uint8Array(spareBytesMax);
  try {
    writeItem(writer, value, 0);
    return writer.bytes.slice(0, writer.at);
  } finally {
    if (writer.bytes.length <= spareBytesMax) spare = writer.bytes;
  }
}

interface Writer {
  bytes: Uint8Array<ArrayBuffer>;
  at: number;
}

const spareBytesMax = 16 * 1024;
const nothing = new Uint8Array(0);
/** Kept between calls, so that a small value costs one allocation. */
let spare: Uint8Array<ArrayBuffer> = nothing;

const major = { uint: 0x00, negative: 0x20, bytes: 0x40, text: 0x60, array: 0x80, map: 0xa0 } as const;
const [isFalse, isTrue, isNull, isFloat64] = [0xf4, 0xf5, 0xf6, 0xfb] as const;
const headBytesMax = 9;
const utf8 = new TextEncoder();

function writeItem(writer: Writer, value: unknown, depth: number): void {
  switch (typeof value) {
    case 'string':
      return writeText(writer, value);
    case 'number':
      return writeNumber(writer, value);
    case 'boolean':
      return writeByte(writer, value ? isTrue : isFalse);
    case 'object':
      if (value === null) return writeByte(writer, isNull);
      if (value instanceof Uint8Array) return writeBytes(writer, value);
      if (depth >= limits.nestingMax) throw new Error('it is nested too deeply');
      if (Array.isArray(value)) return writeArray(writer, value, depth);
      return writeMap(writer, value as Readonly<Record<string, unknown>>, depth);
    default:
      throw new Error(`a value of type ${typeof value} is not part of the protocol`);
  }
}

function writeArray(writer: Writer, values: readonly unknown[], depth: number): void {
  writeHead(writer, major.array, values.length);
  for (let i = 0; i < values.length; i++) writeItem(writer, values[i], depth + 1);
}

function writeMap(writer: Writer, members: Readonly<Record<string, unknown>>, depth: number): void {
  const keys = Object.keys(members);
  let isPlain = true;
  let count = 0;
  for (const key of keys) {
    if (members[key] === undefined) continue;
    isPlain &&= isAscii(key);
    keys[count++] = key;
  }
  keys.length = count;
  if (isPlain && count <= fewKeys) sortFew(keys);
  else keys.sort(isPlain ? byLengthThenUnits : byEncoding);
  writeHead(writer, major.map, keys.length);
  for (const key of keys) {
    writeText(writer, key);
    writeItem(writer, members[key], depth + 1);
  }
}

/** Up to here insertion is faster than the platform's sort, which works on copies: a good part of all that a job leaves behind. */
const fewKeys = 32;

function sortFew(keys: string[]): void {
  for (let i = 1; i < keys.length; i++) {
    const key = keys[i]!;
    let at = i;
    for (; at > 0 && byLengthThenUnits(key, keys[at - 1]!) < 0; at--) keys[at] = keys[at - 1]!;
    keys[at] = key;
  }
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 0x80) return false;
  return true;
}

const byLengthThenUnits = (a: string, b: string): number => a.length - b.length || (a < b ? -1 : 1);

function byEncoding(a: string, b: string): number {
  const [left, right] = [utf8.encode(a), utf8.encode(b)];
  if (left.length !== right.length) return left.length - right.length;
  const at = left.findIndex((byte, i) => byte !== right[i]);
  return at < 0 ? 0 : left[at]! - right[at]!;
}

/** Up to here a loop is faster than the platform's encoder. */
const shortTextLength = 40;

function writeText(writer: Writer, text: string): void {
  reserve(writer, headBytesMax + 3 * text.length);
  if (text.length <= shortTextLength && writeAscii(writer, text)) return;
  const start = writer.at;
  // As long in bytes as in code units, which is certain only afterwards.
  const from = start + headSize(text.length);
  const { written } = utf8.encodeInto(text, writer.bytes.subarray(from));
  const to = start + headSize(written);
  if (to !== from) writer.bytes.copyWithin(to, from, from + written);
  writeHead(writer, major.text, written);
  writer.at += written;
}

/** Writes nothing, and returns false, where the text is not all ASCII. */
function writeAscii(writer: Writer, text: string): boolean {
  const { bytes, at } = writer;
  const from = at + headSize(text.length);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x80) return false;
    bytes[from + i] = unit;
  }
  writeHead(writer, major.text, text.length);
  writer.at = from + text.length;
  return true;
}

function writeBytes(writer: Writer, bytes: Uint8Array): void {
  reserve(writer, headBytesMax + bytes.length);
  writeHead(writer, major.bytes, bytes.length);
  writer.bytes.set(bytes, writer.at);
  writer.at += bytes.length;
}

function writeNumber(writer: Writer, value: number): void {
  if (Number.isSafeInteger(value)) {
    return value < 0 ? writeHead(writer, major.negative, -1 - value) : writeHead(writer, major.uint, value);
  }
  if (!Number.isFinite(value)) throw new Error('a number is not finite');
  reserve(writer, headBytesMax);
  writer.bytes[writer.at] = isFloat64;
  new DataView(writer.bytes.buffer).setFloat64(writer.at + 1, value);
  writer.at += 9;
}

function writeByte(writer: Writer, byte: number): void {
  reserve(writer, 1);
  writer.bytes[writer.at++] = byte;
}

const headSize = (argument: number): number =>
  argument < 24 ? 1 : argument < 0x100 ? 2 : argument < 0x1_0000 ? 3 : argument < 0x1_0000_0000 ? 5 : 9;

/** A head in its shortest form. */
function writeHead(writer: Writer, kind: number, argument: number): void {
  reserve(writer, headBytesMax);
  const { bytes, at } = writer;
  const size = headSize(argument);
  writer.at += size;
  if (size === 1) {
    bytes[at] = kind | argument;
    return;
  }
  bytes[at] = kind | (size === 2 ? 24 : size === 3 ? 25 : size === 5 ? 26 : 27);
  for (let i = size - 1, rest = argument; i > 0; i--, rest = Math.floor(rest / 256)) bytes[at + i] = rest % 256;
}

function reserve(writer: Writer, sizeBytes: number): void {
  const needed = writer.at + sizeBytes;
  if (needed <= writer.bytes.length) return;
  const larger = new Uint8Array(Math.max(needed, writer.bytes.length * 2));
  larger.set(writer.bytes.subarray(0, writer.at));
  writer.bytes = larger;
}
