import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { concatBytes } from '#lib/base/bytes.ts';
import { errorCode } from '#lib/base/errors.ts';
import { limits } from '#lib/protocol/limits.ts';
import { createFrameDecoder, encodeFrame, endMark } from './framing.ts';

const decode = (chunks: readonly Uint8Array[], bodyBytesMax?: number): Uint8Array[] => {
  const decoder = createFrameDecoder(bodyBytesMax);
  const bodies: Uint8Array[] = [];
  for (const chunk of chunks) decoder.push(chunk, (body) => bodies.push(body));
  return bodies;
};

test('bodies survive being cut anywhere', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ minLength: 0, maxLength: 400 }), { maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 40 }),
      (bodies, cuts) => {
        const wire = concatBytes(...bodies.map(encodeFrame));
        const chunks: Uint8Array[] = [];
        for (let at = 0, i = 0; at < wire.length; i++) {
          const size = cuts[i % cuts.length]!;
          chunks.push(wire.slice(at, at + size));
          at += size;
        }
        expect(decode(chunks)).toEqual(bodies);
      },
    ),
  );
});

test('the end mark is an empty body', () => {
  expect(decode([endMark])).toEqual([new Uint8Array(0)]);
  expect(encodeFrame(new Uint8Array(0))).toEqual(endMark);
});

test('a body at the limit passes and one byte more is refused by its length alone', () => {
  const largest = new Uint8Array(limits.frameBytesMax).fill(7);
  expect(decode([encodeFrame(largest)])[0]).toEqual(largest);
  const head = encodeFrame(new Uint8Array(limits.frameBytesMax + 1)).slice(0, 3);
  expect(() => decode([head])).toThrow(expect.objectContaining({ code: 'frame-too-large' }));
});

test('a length that never ends is refused', () => {
  expect(() => decode([Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x80)])).toThrow(
    expect.objectContaining({ code: 'bad-frame' }),
  );
});

test('no bytes crash the decoder or make it hold more than the limit', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 20 }), (chunks) => {
      try {
        for (const body of decode(chunks, 64)) expect(body.length).toBeLessThanOrEqual(64);
      } catch (error) {
        expect(['frame-too-large', 'bad-frame']).toContain(errorCode(error));
      }
    }),
  );
});
