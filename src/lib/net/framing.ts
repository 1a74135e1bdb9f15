import { concatBytes } from '#lib/base/bytes.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { limits } from '#lib/protocol/limits.ts';
import { frameTooLarge } from './errors.ts';

/**
 * Message framing on a byte stream. Each message starts with an unsigned varint (LEB128, at most four bytes):
 *
 * | number | meaning |
 * |---|---|
 * | 1 to `limits.frameBytesMax` | the length of the message that follows |
 * | 0 | the end mark: no message follows. A stream that ends without it is lost, since transports do not tell the two apart |
 * | 2^27 + n | credit: this side has consumed n more bytes of messages, so the other side may send as many again |
 */
export const endMark: Uint8Array = Uint8Array.of(0);

/** Message bytes that may be in flight or unread on the other side before a sender waits for credit. */
export const windowBytes = 2 * limits.frameBytesMax;

const creditFrom = 2 ** 27;
const numberBytesMax = 4;

/** Length prefix and message, concatenated. */
export const encodeFrame = (message: Uint8Array): Uint8Array => concatBytes(encodeNumber(message.length), message);

export const encodeCredit = (bytes: number): Uint8Array => encodeNumber(creditFrom + bytes);

function encodeNumber(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Uint8Array.from([...bytes, rest]);
}

export interface FrameDecoder {
  /**
   * Consumes the next bytes, split anywhere, and passes each complete message to `onMessage`; the end mark arrives as
   * an empty message.
   * @throws `frame-too-large` before the message is buffered; `bad-frame` for an overlong varint and for anything but
   * credit after the end mark.
   */
  push(chunk: Uint8Array, onMessage: (message: Uint8Array) => void, onCredit?: (bytes: number) => void): void;
}

export function createFrameDecoder(messageBytesMax: number = limits.frameBytesMax): FrameDecoder {
  let message: Uint8Array | undefined;
  let filled = 0;
  let number = 0;
  let numberBytes = 0;
  let ended = false;

  /** The number, once its last byte has arrived. */
  const readNumber = (byte: number): number | undefined => {
    if (++numberBytes > numberBytesMax) throw badFrame('The length of a frame takes more than four bytes.');
    number += (byte & 0x7f) * 2 ** (7 * (numberBytes - 1));
    if (byte & 0x80) return undefined;
    const value = number;
    number = 0;
    numberBytes = 0;
    return value;
  };

  return {
    push(chunk, onMessage, onCredit) {
      for (let offset = 0; offset < chunk.length;) {
        if (!message) {
          const length = readNumber(chunk[offset++]!);
          if (length === undefined) continue;
          if (length >= creditFrom) {
            onCredit?.(length - creditFrom);
            continue;
          }
          if (length > messageBytesMax) throw frameTooLarge(length);
          if (ended) throw badFrame('A message arrived after the end mark.');
          ended = length === 0;
          message = new Uint8Array(length);
          filled = 0;
        }
        const part = chunk.subarray(offset, offset + message.length - filled);
        message.set(part, filled);
        filled += part.length;
        offset += part.length;
        if (filled < message.length) return;
        const whole = message;
        message = undefined;
        onMessage(whole);
      }
    },
  };
}

const badFrame = (message: string) => new TabloomError('bad-frame', message);
