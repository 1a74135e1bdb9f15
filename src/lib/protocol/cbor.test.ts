import * as dagCbor from '@ipld/dag-cbor';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { fromHex, toHex } from '#lib/base/bytes.ts';
import { readCbor } from './cbor-read.ts';
import { decodeCbor, encodeCbor } from './cbor.ts';
import { limits } from './limits.ts';

const anything = fc.letrec((tie) => ({
  leaf: fc.oneof(
    fc.boolean(),
    fc.constant(null),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.string({ unit: 'binary' }),
    fc.uint8Array(),
  ),
  value: fc.oneof(
    { depthSize: 'small', maxDepth: 6 },
    tie('leaf'),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(fc.string({ unit: 'binary' }), tie('value'), { maxKeys: 5 }),
  ),
})).value;

/** The reader knows one zero; dag-cbor writes -0 as 0. */
const withoutNegativeZero = (value: unknown): unknown => {
  if (Object.is(value, -0)) return 0;
  if (Array.isArray(value)) return value.map(withoutNegativeZero);
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, withoutNegativeZero(member)]));
};

test('what is written is read back', () => {
  fc.assert(
    fc.property(anything, (value) => {
      expect(readCbor(encodeCbor(value))).toEqual(withoutNegativeZero(value));
    }),
    { seed: 1, numRuns: 2_000 },
  );
});

test('whatever bytes are read at all are the one encoding of their value', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.tuple(anything, fc.nat(), fc.nat(255)).map(([value, at, byte]) => {
      const encoded = dagCbor.encode(value).slice();
      encoded[at % encoded.length] = byte;
      return encoded;
    }),
  );
  let read = 0;
  fc.assert(
    fc.property(bytes, (input) => {
      let value: unknown;
      try {
        value = readCbor(input);
      } catch {
        return;
      }
      read += 1;
      expect(toHex(dagCbor.encode(value))).toBe(toHex(input));
    }),
    { seed: 2, numRuns: 5_000 },
  );
  expect(read).toBeGreaterThan(500);
});

test('other encodings, and what has no place on the wire, are refused with the reason', () => {
  const refused: readonly (readonly [string, string])[] = [
    ['', 'cut short'],
    ['1800', 'shortest'],
    ['1817', 'shortest'],
    ['190018', 'shortest'],
    ['1a0000ffff', 'shortest'],
    ['1b00000000ffffffff', 'shortest'],
    ['1b0020000000000000', 'larger than 2^53'],
    ['3b001fffffffffffff', 'smaller than'],
    ['1bffffffffffffffff', 'larger than 2^53'],
    ['f93c00', 'floats of 64 bits'],
    ['fa3f800000', 'floats of 64 bits'],
    ['fb3ff0000000000000', 'whole number'],
    ['fb8000000000000000', 'whole number'],
    ['fb7ff8000000000000', 'not finite'],
    ['fb7ff0000000000000', 'not finite'],
    ['f7', 'only false'],
    ['f8ff', 'only false'],
    ['ff', 'only false'],
    ['c000', 'tags'],
    ['d82a4100', 'tags'],
    ['9fff', 'lengths are always given'],
    ['5fff', 'lengths are always given'],
    ['a2616201616102', 'not sorted'],
    ['a2626161016162', 'not sorted'],
    ['a2616101616102', 'not sorted'],
    ['a10101', 'no text'],
    ['62c328', 'not valid'],
    ['63eda080', 'not valid'],
    ['0000', 'left over'],
    ['6161ff', 'left over'],
    ['5bffffffffffffffff', 'larger than 2^53'],
    ['5b001fffffffffffff', 'cut short'],
    ['9b001fffffffffffff', 'cut short'],
    ['bb0010000000000000', 'cut short'],
    ['9affffffff', 'cut short'],
    ['83', 'cut short'],
    ['8201', 'cut short'],
    ['a16161', 'cut short'],
  ];
  for (const [hex, reason] of refused) {
    expect(() => readCbor(fromHex(hex)), hex).toThrow(reason);
  }
});

test('a byte order mark at the start of a text stays', () => {
  for (const text of ['\ufeffhi', `\ufeff${'x'.repeat(300)}`]) expect(readCbor(encodeCbor(text))).toBe(text);
});

test('a member named __proto__ is a member and no prototype', () => {
  const value = readCbor(fromHex('a1695f5f70726f746f5f5fa1617401')) as object;
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  expect(Object.keys(value)).toEqual(['__proto__']);
  expect(() => decodeCbor(z.object({ t: z.number() }), fromHex('a1695f5f70726f746f5f5fa1617401'))).toThrow('"t"');
});

test('nesting ends at the same depth for writer and reader', () => {
  const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)]);
  const bytes = (depth: number) => Uint8Array.of(...Array.from({ length: depth }, () => 0x81), 1);
  expect(readCbor(encodeCbor(nested(limits.nestingMax)))).toEqual(nested(limits.nestingMax));
  expect(() => encodeCbor(nested(limits.nestingMax + 1))).toThrow(expect.objectContaining({ code: 'bad-frame' }));
  expect(readCbor(bytes(limits.nestingMax))).toEqual(nested(limits.nestingMax));
  expect(() => readCbor(bytes(limits.nestingMax + 1))).toThrow('nested too deeply');
  expect(() => readCbor(new Uint8Array(limits.frameBytesMax).fill(0x81))).toThrow('nested too deeply');
  expect(() => readCbor(new Uint8Array(limits.frameBytesMax).fill(0xa1))).toThrow();
});

test('a frame of nothing but small items is refused before it grows', () => {
  const length = limits.frameBytesMax - 5;
  const bytes = new Uint8Array(limits.frameBytesMax).fill(0x80);
  bytes.set([0x9a, length >> 24, length >> 16, length >> 8, length & 255]);
  expect(() => readCbor(bytes)).toThrow('too many items');
});

test('what cannot be written is said with a code', () => {
  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  for (const value of [
    Number.NaN,
    Number.POSITIVE_INFINITY,
    cycle,
    { a: () => 1 },
    Symbol('a'),
    2n ** 70n,
    undefined,
  ]) {
    expect(() => encodeCbor(value)).toThrow(expect.objectContaining({ code: 'bad-frame' }));
  }
});

test('members that are undefined are left out, at any depth', () => {
  expect(toHex(encodeCbor({ a: undefined, b: [{ c: undefined }] }))).toBe(toHex(encodeCbor({ b: [{}] })));
});

test('a value that does not fit the schema is refused with the code asked for, naming the place', () => {
  const schema = z.object({ list: z.array(z.number()) });
  expect(decodeCbor(schema, encodeCbor({ list: [1], more: 'unknown members pass' }))).toEqual({ list: [1] });
  expect(() => decodeCbor(schema, encodeCbor({ list: [1, 'x'] }), 'bad-record')).toThrow(
    expect.objectContaining({ code: 'bad-record', message: expect.stringContaining('list.1') }),
  );
});

test('a view into a larger buffer is read from its own start, and bytes read are a copy', () => {
  const buffer = Buffer.from(fromHex('ffff43010203ff'));
  const read = readCbor(buffer.subarray(2, 6)) as Uint8Array;
  buffer.fill(0);
  expect(read).toEqual(Uint8Array.of(1, 2, 3));
  expect(Object.getPrototypeOf(read)).toBe(Uint8Array.prototype);
  expect(Object.getPrototypeOf(encodeCbor({ text: 'x'.repeat(99) }))).toBe(Uint8Array.prototype);
});
