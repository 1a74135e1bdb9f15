import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { concatBytes } from '#lib/base/bytes.ts';
import { errorCode } from '#lib/base/errors.ts';
import { limits } from '#lib/protocol/limits.ts';
import { createFrameDecoder, encodeCredit, encodeFrame, endMark } from './framing.ts';

type Seen = Uint8Array | 'end' | number;

const decode = (chunks: readonly Uint8Array[], messageBytesMax?: number): Seen[] => {
  const seen: Seen[] = [];
  const decoder = createFrameDecoder(messageBytesMax);
  for (const chunk of chunks)
    decoder.push(
      chunk,
      (message) => seen.push(message.length === 0 ? 'end' : message),
      (bytes) => seen.push(bytes),
    );
  return seen;
};
const encode = (item: Seen) =>
  item === 'end' ? endMark : typeof item === 'number' ? encodeCredit(item) : encodeFrame(item);
const cut = (wire: Uint8Array, sizes: readonly number[]): Uint8Array[] => {
  const chunks: Uint8Array[] = [];
  for (let at = 0, i = 0; at < wire.length; i++) {
    const size = sizes[i % sizes.length]!;
    chunks.push(wire.slice(at, at + size));
    at += size;
  }
  return chunks;
};

test('frames have the documented bytes', () => {
  expect(encodeFrame(Uint8Array.of(7, 8))).toEqual(Uint8Array.of(2, 7, 8));
  expect(encodeFrame(new Uint8Array(300)).slice(0, 2)).toEqual(Uint8Array.of(0xac, 0x02));
  expect(endMark).toEqual(Uint8Array.of(0));
  expect(encodeCredit(300)).toEqual(Uint8Array.of(0xac, 0x82, 0x80, 0x40));
});

test('messages, credit and the end mark survive arbitrary splits', () => {
  const item = fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 400 }), fc.nat({ max: 2 ** 27 - 1 }));
  const sizes = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(fc.array(item, { maxLength: 8 }), fc.nat({ max: 1_000 }), sizes, (items, credit, cuts) => {
      const all: Seen[] = [...items, 'end', credit];
      expect(decode(cut(concatBytes(...all.map(encode)), cuts))).toEqual(all);
    }),
    { seed: 5 },
  );
});

test('a message at the limit passes, and one byte more is refused by its length alone', () => {
  const largest = new Uint8Array(limits.frameBytesMax).fill(7);
  expect(decode([encodeFrame(largest)])[0]).toEqual(largest);
  const head = encodeFrame(new Uint8Array(limits.frameBytesMax + 1)).slice(0, 3);
  expect(() => decode([head])).toThrow(expect.objectContaining({ code: 'frame-too-large' }));
  expect(() => decode([Uint8Array.of(0xff, 0xff, 0xff, 0x3f)])).toThrow(
    expect.objectContaining({ code: 'frame-too-large' }),
  );
});

test.each([
  ['a length that never ends', [0x80, 0x80, 0x80, 0x80, 0x80]],
  ['a second end', [0, 0]],
  ['a message after the end', [0, 1, 9]],
])('%s is refused', (_, wire) => {
  expect(() => decode([Uint8Array.from(wire)])).toThrow(expect.objectContaining({ code: 'bad-frame' }));
});

test('no input crashes the decoder or makes it buffer more than the limit', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 20 }), (chunks) => {
      try {
        for (const seen of decode(chunks, 64)) if (seen instanceof Uint8Array) expect(seen.length).toBeLessThan(65);
      } catch (error) {
        expect(['frame-too-large', 'bad-frame']).toContain(errorCode(error));
      }
    }),
    { seed: 6 },
  );
});
