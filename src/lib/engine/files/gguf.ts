import { TabloomError } from '#lib/base/errors.ts';
import { utf8Decode } from '#lib/base/bytes.ts';

/** What a GGUF file says of itself: read, and nothing in it run. */
export interface GgufHeader {
  readonly version: number;
  /** Texts and numbers; of arrays only their length. */
  readonly metadata: ReadonlyMap<string, string | number | boolean | { readonly length: number }>;
  /** Texts of arrays, such as a vocabulary's, in their order: for a look at what they name. */
  readonly texts: readonly string[];
  readonly tensors: number;
}

/** A header is looked at up to here: a vocabulary takes a few MiB. */
export const headerBytesMax = 64 * 1024 * 1024;
const keysMax = 4_096;
const tensorsMax = 65_536;
const arrayMax = 2_000_000;
const textBytesMax = 4 * 1024 * 1024;

/** Bytes of a value by its type's number; 8 is a text, 9 an array. */
const sizes: Readonly<Record<number, number>> = { 0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8 };

/**
 * Reads a header of version 2 or 3 (ggml-org/ggml, docs/gguf.md).
 * @param bytes the beginning of the file, whole or up to `headerBytesMax`.
 * @param sizeBytes of the whole file; tensors must lie in it.
 * @throws `model-malformed`.
 */
export function readGguf(bytes: Uint8Array, sizeBytes: number): GgufHeader {
  const read = createReader(bytes);
  if (read.u32() !== 0x46554747) throw malformed('It does not begin with "GGUF".');
  const version = read.u32();
  if (version !== 2 && version !== 3) throw malformed(`Version ${version} is not known.`);
  const tensors = read.count(tensorsMax, 'tensors');
  const keys = read.count(keysMax, 'keys');
  const metadata = new Map<string, string | number | boolean | { readonly length: number }>();
  const texts: string[] = [];
  for (let at = 0; at < keys; at++) {
    const key = read.text();
    if (metadata.has(key)) throw malformed(`"${key.slice(0, 64)}" stands in it twice.`);
    metadata.set(key, readValue(read, read.u32(), texts));
  }
  for (let at = 0; at < tensors; at++) {
    read.text();
    const dimensions = read.u32();
    if (dimensions === 0 || dimensions > 4) throw malformed(`A tensor has ${dimensions} dimensions.`);
    for (let axis = 0; axis < dimensions; axis++) read.count(Number.MAX_SAFE_INTEGER, 'elements');
    read.u32();
    const offset = read.count(Number.MAX_SAFE_INTEGER, 'bytes');
    if (offset >= sizeBytes) throw malformed('A tensor lies outside the file.');
  }
  return { version, metadata, texts, tensors };
}

type Reader = ReturnType<typeof createReader>;

function readValue(
  read: Reader,
  type: number,
  texts: string[],
): string | number | boolean | { readonly length: number } {
  if (type === 8) return read.text();
  if (type !== 9) return read.number(type);
  const inner = read.u32();
  const length = read.count(arrayMax, 'entries');
  for (let at = 0; at < length; at++) {
    // Arrays in arrays are allowed by the format and used by nobody: a file that nests them is up to something else.
    if (inner === 9) throw malformed('An array lies in an array.');
    if (inner === 8) texts.push(read.text());
    else read.number(inner);
  }
  return { length };
}

function createReader(bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const take = (count: number): number => {
    if (at + count > bytes.length) throw malformed('Its header ends too early, or is too long.');
    const from = at;
    at += count;
    return from;
  };
  const u32 = () => view.getUint32(take(4), true);
  const count = (maximum: number, of: string): number => {
    const value = view.getBigUint64(take(8), true);
    if (value > BigInt(maximum)) throw malformed(`It has ${value} ${of}; the maximum is ${maximum}.`);
    return Number(value);
  };
  return {
    u32,
    count,
    text(): string {
      const length = count(textBytesMax, 'bytes in a text');
      const from = take(length);
      return utf8Decode(bytes.subarray(from, from + length));
    },
    number(type: number): number | boolean {
      const size = sizes[type];
      if (size === undefined) throw malformed(`A value has the unknown type ${type}.`);
      const from = take(size);
      switch (type) {
        case 6:
          return view.getFloat32(from, true);
        case 7:
          return view.getUint8(from) !== 0;
        case 11:
          return Number(view.getBigInt64(from, true));
        case 12:
          return view.getFloat64(from, true);
        default:
          return size === 8
            ? Number(view.getBigUint64(from, true))
            : size === 4
              ? view.getUint32(from, true)
              : size === 2
                ? view.getUint16(from, true)
                : view.getUint8(from);
      }
    },
  };
}

const malformed = (why: string): TabloomError =>
  new TabloomError('model-malformed', `This GGUF file is not well formed. ${why}`);
