import { limits } from '#lib/protocol/limits.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { concatBytes } from '#lib/base/bytes.ts';
import { frameTooLarge } from './errors.ts';

/**
 * Whole messages on a stream of bytes: an unsigned varint length (LEB128) and a body of at most
 * `limits.frameBytesMax` bytes. A length of zero says that nothing more will follow. Transports end a stream alike when
 * the other side has closed it and when it has died, so this mark is how a reader tells one from the other.
 */
export const endMark: Uint8Array = Uint8Array.of(0);

/** Length and body in one piece. */
export function encodeFrame(body: Uint8Array): Uint8Array {
  const head: number[] = [];
  let rest = body.length;
  while (rest >= 0x80) {
    head.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  head.push(rest);
  return concatBytes(Uint8Array.from(head), body);
}

export interface FrameDecoder {
  /**
   * Takes the next bytes, cut anywhere, and hands each body that is complete to `onFrame`; the end mark is a body of
   * zero bytes. @throws `frame-too-large` before the body is buffered, `bad-frame` for a length that never ends.
   */
  push(chunk: Uint8Array, onFrame: (body: Uint8Array) => void): void;
}

const lengthBytesMax = 4;

export function createFrameDecoder(bodyBytesMax: number = limits.frameBytesMax): FrameDecoder {
  let length = 0;
  let lengthBytes = 0;
  let body: Uint8Array | undefined;
  let filled = 0;

  return {
    push(chunk, onFrame) {
      let offset = 0;
      while (offset < chunk.length) {
        if (!body) {
          const byte = chunk[offset++]!;
          if (++lengthBytes > lengthBytesMax) throw new TabloomError('bad-frame', 'The length of a frame never ends.');
          length += (byte & 0x7f) * 2 ** (7 * (lengthBytes - 1));
          if (length > bodyBytesMax) throw frameTooLarge(length);
          if (byte & 0x80) continue;
          body = new Uint8Array(length);
          filled = 0;
        }
        const part = chunk.subarray(offset, offset + body.length - filled);
        body.set(part, filled);
        filled += part.length;
        offset += part.length;
        if (filled < body.length) return;
        const whole = body;
        body = undefined;
        length = 0;
        lengthBytes = 0;
        onFrame(whole);
      }
    },
  };
}
