import { createHash } from 'node:crypto';

/** A GGUF v3 file taken apart; format: ggml's docs/gguf.md. The metadata stays as it is written. */
export interface Gguf {
  readonly metadata: Uint8Array;
  readonly entries: number;
  readonly tensors: readonly Tensor[];
}

export interface Tensor {
  readonly name: string;
  /** The length of a row first. */
  readonly dimensions: readonly number[];
  readonly type: keyof typeof types;
  readonly data: Uint8Array;
}

/** Type number, values of a block, bytes of a block. */
const types = {
  F32: [0, 1, 4],
  F16: [1, 1, 2],
  Q4_0: [2, 32, 18],
  Q8_0: [8, 32, 34],
} as const;
const alignment = 32;
const headBytes = 24;
/** By value type; strings and arrays have lengths of their own. */
const valueBytes = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];

export function readGguf(file: Uint8Array): Gguf {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (view.getUint32(0, true) !== 0x46554747 || view.getUint32(4, true) !== 3) throw new Error('This is no GGUF v3.');
  const long = (at: number) => Number(view.getBigUint64(at, true));
  const [count, entries] = [long(8), long(16)];
  let at = headBytes;
  const text = () => {
    const length = long(at);
    at += 8 + length;
    return new TextDecoder().decode(file.subarray(at - length, at));
  };
  const skip = (type: number) => {
    if (type === 8) return void text();
    if (type !== 9) return void (at += valueBytes[type]!);
    const [inner, length] = [view.getUint32(at, true), long(at + 4)];
    at += 12;
    for (let i = 0; i < length; i++) skip(inner);
  };
  for (let i = 0; i < entries; i++) {
    text();
    at += 4;
    skip(view.getUint32(at - 4, true));
  }
  const metadata = file.subarray(headBytes, at);
  const infos = Array.from({ length: count }, () => {
    const name = text();
    const dimensions = Array.from({ length: view.getUint32(at, true) }, (_, i) => long(at + 4 + 8 * i));
    at += 4 + 8 * dimensions.length;
    const [type] = Object.entries(types).find(([, [number]]) => number === view.getUint32(at, true))!;
    at += 12;
    return { name, dimensions, type: type as Tensor['type'], offset: long(at - 8) };
  });
  const start = Math.ceil(at / alignment) * alignment;
  const tensors = infos.map(({ offset, ...info }) => {
    const [, values, bytes] = types[info.type];
    const size = (info.dimensions.reduce((product, one) => product * one, 1) / values) * bytes;
    return { ...info, data: file.subarray(start + offset, start + offset + size) };
  });
  return { metadata, entries, tensors };
}

export function writeGguf({ metadata, entries, tensors }: Gguf): Uint8Array {
  const parts: Uint8Array[] = [];
  const number = (value: number, bytes: 4 | 8) => {
    const part = new Uint8Array(bytes);
    const view = new DataView(part.buffer);
    if (bytes === 4) view.setUint32(0, value, true);
    else view.setBigUint64(0, BigInt(value), true);
    parts.push(part);
  };
  const pad = (size: number) => parts.push(new Uint8Array((alignment - (size % alignment)) % alignment));
  number(0x46554747, 4);
  number(3, 4);
  number(tensors.length, 8);
  number(entries, 8);
  parts.push(metadata);
  let offset = 0;
  for (const { name, dimensions, type, data } of tensors) {
    const encoded = new TextEncoder().encode(name);
    number(encoded.length, 8);
    parts.push(encoded);
    number(dimensions.length, 4);
    for (const one of dimensions) number(one, 8);
    number(types[type][0], 4);
    number(offset, 8);
    offset += Math.ceil(data.length / alignment) * alignment;
  }
  pad(parts.reduce((sum, { length }) => sum + length, 0));
  for (const { data } of tensors) {
    parts.push(data);
    pad(data.length);
  }
  return new Uint8Array(Buffer.concat(parts));
}

/** The same metadata with another number under a key of type uint32. */
export function withNumber(metadata: Uint8Array, key: string, value: number): Uint8Array {
  const at = Buffer.from(metadata).indexOf(key);
  if (at < 0) throw new Error(`There is no ${key}.`);
  const copy = new Uint8Array(metadata);
  new DataView(copy.buffer).setUint32(at + key.length + 4, value, true);
  return copy;
}

/** Node's, which the language's types do not have yet. */
interface HalfView extends DataView {
  getFloat16(at: number, littleEndian: boolean): number;
  setFloat16(at: number, value: number, littleEndian: boolean): void;
}

const halves = (data: Uint8Array) => new DataView(data.buffer, data.byteOffset, data.byteLength) as HalfView;

/** The values of an F16 tensor. */
export function valuesOf({ data }: Tensor): Float32Array {
  const view = halves(data);
  return Float32Array.from({ length: data.length / 2 }, (_, i) => view.getFloat16(2 * i, true));
}

/** Writes values in blocks of 32, as llama.cpp's own reference quantisation does: one scale of 16 bits for each. */
export function encodeAs(type: 'F16' | 'Q4_0' | 'Q8_0', values: Float32Array): Uint8Array {
  const [, blockValues, blockBytes] = types[type];
  const data = new Uint8Array((values.length / blockValues) * blockBytes);
  const view = halves(data);
  for (let block = 0; block * blockValues < values.length; block++) {
    const at = block * blockBytes;
    const of = values.subarray(block * blockValues, (block + 1) * blockValues);
    if (type === 'F16') {
      view.setFloat16(at, of[0]!, true);
      continue;
    }
    let most = 0;
    for (const one of of) if (Math.abs(one) > Math.abs(most)) most = one;
    const scale = type === 'Q8_0' ? Math.abs(most) / 127 : most / -8;
    view.setFloat16(at, scale, true);
    const parts = [...of].map((one) => (scale === 0 ? 0 : one / scale));
    if (type === 'Q8_0') parts.forEach((one, i) => view.setInt8(at + 2 + i, Math.round(one)));
    else {
      const nibble = (i: number) => Math.min(15, Math.trunc(parts[i]! + 8.5));
      for (let i = 0; i < 16; i++) view.setUint8(at + 2 + i, nibble(i) | (nibble(i + 16) << 4));
    }
  }
  return data;
}

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
