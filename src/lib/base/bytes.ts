import { TabloomError } from './errors.ts';

const encoder = new TextEncoder();
/** A byte order mark at the start is text like any other: dropping it would change what is hashed. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

export const utf8Encode = (text: string): Uint8Array => encoder.encode(text);
export const utf8Decode = (bytes: Uint8Array): string => decoder.decode(bytes);

const hexOfByte = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** Lower-case hexadecimal. */
export function toHex(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i++) text += hexOfByte[bytes[i]!]!;
  return text;
}

/** @throws `bad-hex` unless `text` is an even number of hexadecimal digits. */
export function fromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) {
    throw new TabloomError('bad-hex', 'Give an even number of hexadecimal digits.');
  }
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = digitAt(text, 2 * i) * 16 + digitAt(text, 2 * i + 1);
  }
  return bytes;
}

/** `0` to `9` are 0x30 to 0x39; the letters are 0x41 to 0x46, and 0x61 to 0x66. */
function digitAt(text: string, at: number): number {
  const unit = text.charCodeAt(at);
  return unit < 0x40 ? unit - 0x30 : (unit & 0x0f) + 9;
}

export function concatBytes(...chunks: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    joined.set(chunk, offset);
    offset += chunk.length;
  }
  return joined;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
