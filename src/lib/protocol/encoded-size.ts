import { limits } from './limits.ts';

/**
 * At least as many bytes as the DAG-CBOR of a value has, found without encoding it. Infinity for what could not be encoded, and
 * for what is larger than a frame in any case.
 */
export const encodedSizeMax = (value: unknown): number => sizeOf(value, 0);

const headBytesMax = 9;
/** A UTF-16 code unit is at most three bytes of UTF-8. */
const bytesPerUnit = 3;

function sizeOf(value: unknown, depth: number): number {
  switch (typeof value) {
    case 'string':
      return headBytesMax + bytesPerUnit * value.length;
    case 'boolean':
      return 1;
    case 'number':
      return Number.isFinite(value) ? headBytesMax : Infinity;
    case 'undefined':
      // Left out where it is a member.
      return depth === 0 ? Infinity : 0;
    case 'object':
      if (value === null) return 1;
      if (value instanceof Uint8Array) return headBytesMax + value.length;
      return depth >= limits.nestingMax ? Infinity : sizeOfMembers(value, depth + 1);
    default:
      return Infinity;
  }
}

function sizeOfMembers(value: object, depth: number): number {
  let bytes = headBytesMax;
  if (Array.isArray(value)) {
    for (const item of value) {
      bytes += item === undefined ? Infinity : sizeOf(item, depth);
      if (bytes > limits.frameBytesMax) return Infinity;
    }
    return bytes;
  }
  for (const key of Object.keys(value)) {
    bytes += headBytesMax + bytesPerUnit * key.length + sizeOf((value as Record<string, unknown>)[key], depth);
    if (bytes > limits.frameBytesMax) return Infinity;
  }
  return bytes;
}
