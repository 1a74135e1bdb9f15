import { TabloomError } from '#lib/base/errors.ts';

/**
 * What a stream is on a data channel (libp2p/specs, webrtc/README.md): protobuf messages `{ flag = 1, message = 2 }`, each
 * after its length. Only those that carry data, nearly all, are read and written here.
 */

/** The field `bytes message = 2` of a stream's protobuf message. */
const dataTag = 0x12;

/** A message that only carries data, with its length before it. */
export function encodeData(data: Uint8Array): Uint8Array {
  const bodyBytes = 1 + numberBytes(data.length) + data.length;
  const bytes = new Uint8Array(numberBytes(bodyBytes) + bodyBytes);
  let at = putNumber(bytes, 0, bodyBytes);
  bytes[at++] = dataTag;
  at = putNumber(bytes, at, data.length);
  bytes.set(data, at);
  return bytes;
}

/** The data of a message that carries nothing else; undefined for any other, which is left to the library. */
export function dataIn(message: Uint8Array): Uint8Array | undefined {
  if (message[0] !== dataTag) return undefined;
  const length = readNumber(message, 1);
  return length && length.end + length.value === message.length ? message.subarray(length.end) : undefined;
}

export interface MessageDecoder {
  /**
   * Consumes the next bytes, split anywhere, and passes each complete message on. A message within one piece is no copy.
   * @throws `bad-frame` for a message above the limit, before it is buffered.
   */
  push(bytes: Uint8Array): void;
}

/** Four times what the specification allows. */
const messageBytesMax = 64 * 1024;
const numberBytesMax = 3;

export function createMessageDecoder(onMessage: (message: Uint8Array) => void): MessageDecoder {
  /** A message of which a part is still to come, or the beginning of its length. */
  let message: Uint8Array | undefined;
  let filled = 0;
  let head: Uint8Array = new Uint8Array(0);

  const push = (bytes: Uint8Array): void => {
    let at = 0;
    if (message) {
      const part = bytes.subarray(0, message.length - filled);
      message.set(part, filled);
      filled += part.length;
      at = part.length;
      if (filled < message.length) return;
      const whole = message;
      message = undefined;
      onMessage(whole);
    }
    while (at < bytes.length) {
      const length = readNumber(bytes, at);
      if (!length && bytes.length - at >= numberBytesMax) throw tooLarge();
      if (!length) {
        head = bytes.slice(at);
        return;
      }
      if (length.value > messageBytesMax) throw tooLarge();
      at = length.end + length.value;
      if (at > bytes.length) {
        message = new Uint8Array(length.value);
        message.set(bytes.subarray(length.end));
        filled = bytes.length - length.end;
        return;
      }
      onMessage(bytes.subarray(length.end, at));
    }
  };
  return {
    push(bytes) {
      if (head.length === 0) return push(bytes);
      const joined = new Uint8Array(head.length + bytes.length);
      joined.set(head);
      joined.set(bytes, head.length);
      head = new Uint8Array(0);
      push(joined);
    },
  };
}

const tooLarge = () => new TabloomError('bad-frame', 'A message on a data channel is larger than 64 KiB.');

const numberBytes = (value: number): number => (value < 0x80 ? 1 : value < 0x4000 ? 2 : 3);

/** An unsigned varint below 2^21. */
function putNumber(bytes: Uint8Array, at: number, value: number): number {
  let rest = value;
  for (; rest >= 0x80; rest >>>= 7) bytes[at++] = (rest & 0x7f) | 0x80;
  bytes[at++] = rest;
  return at;
}

/** Undefined if it does not end within three bytes, or within what there is. */
function readNumber(bytes: Uint8Array, from: number): { readonly value: number; readonly end: number } | undefined {
  let value = 0;
  for (let i = 0; i < numberBytesMax && from + i < bytes.length; i++) {
    const byte = bytes[from + i]!;
    value |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80) return { value, end: from + i + 1 };
  }
  return undefined;
}
