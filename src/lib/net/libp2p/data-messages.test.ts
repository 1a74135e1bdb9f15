import fc from 'fast-check';
import { expect, test } from 'vitest';
import { concatBytes } from '#lib/base/bytes.ts';
import { createMessageDecoder, dataIn, encodeData } from './data-messages.ts';

const bytesOf = (length: number) => Uint8Array.from({ length }, (_, i) => i % 251);

test('only a message that carries nothing but data is read as data', () => {
  const body = encodeData(bytesOf(3)).subarray(1);
  expect(dataIn(body)).toEqual(bytesOf(3));
  const flag = Uint8Array.of(8, 0);
  for (const other of [flag, concatBytes(flag, body), concatBytes(body, flag), body.subarray(0, 4), new Uint8Array()])
    expect(dataIn(other)).toBeUndefined();
});

test('messages are found however they are split', () => {
  const lengths = fc.array(fc.constantFrom(0, 1, 120, 127, 128, 5_000, 16_384), { maxLength: 5 });
  fc.assert(
    fc.property(lengths, fc.array(fc.nat(), { maxLength: 12 }), (sizes, cuts) => {
      const wire = concatBytes(...sizes.map((size) => encodeData(bytesOf(size))));
      const found: Uint8Array[] = [];
      const decoder = createMessageDecoder((message) => found.push(message.slice()));
      const at = [0, ...cuts.map((cut) => cut % (wire.length + 1)), wire.length].toSorted((a, b) => a - b);
      for (let i = 1; i < at.length; i++) decoder.push(wire.subarray(at[i - 1], at[i]));
      const whole = createMessageDecoder((message) => expect(message).toEqual(found.shift()));
      whole.push(wire);
      expect(found).toEqual([]);
    }),
    { seed: 7 },
  );
});
