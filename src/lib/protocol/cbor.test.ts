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

/** The wire has a single zero; dag-cbor encodes -0 as 0. */
const withoutNegativeZero = (value: unknown): unknown => {
  if (Object.is(value, -0)) return 0;
  if (Array.isArray(value)) return value.map(withoutNegativeZero);
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, withoutNegativeZero(member)]));
};

test('values survive a round trip', () => {
  fc.assert(
    fc.property(anything, (value) => {
      expect(readCbor(encodeCbor(value))).toEqual(withoutNegativeZero(value));
    }),
    { seed: 1, numRuns: 2_000 },
  );
});

test('values are written as another implementation writes them', () => {
  fc.assert(
    fc.property(anything, (value) => {
      expect(toHex(encodeCbor(value))).toBe(toHex(dagCbor.encode(value)));
    }),
    { seed: 3, numRuns: 2_000 },
  );
  const lengths = [0, 23, 24, 255, 256, 65_535, 65_536];
  for (const value of [
    ...lengths,
    ...lengths.map((length) => -1 - length),
    2 ** 32 - 1,
    2 ** 32,
    Number.MAX_SAFE_INTEGER,
    Number.MIN_SAFE_INTEGER,
    2 ** 53,
    -(2 ** 53),
    2 ** 60,
    1e300,
    0.1,
    ...lengths.flatMap((length) => ['x', 'ä', '€', '😀'].map((letter) => letter.repeat(length))),
    ...lengths.map((length) => new Uint8Array(length).fill(7)),
    ...lengths.slice(0, 5).map((length) => Array.from({ length }, (_, i) => i)),
    Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`${i}`, i])),
    { ä: 1, b: 2, zz: 3, '€': 4, aaa: 5 },
  ]) {
    expect(toHex(encodeCbor(value))).toBe(toHex(dagCbor.encode(value)));
  }
});

test('a value that encodes another while it is read is written whole', () => {
  const inner = { text: 'x'.repeat(100) };
  const outer = {
    a: 'before',
    get b() {
      return encodeCbor(inner);
    },
    c: 'after',
  };
  expect(readCbor(encodeCbor(outer))).toEqual({ a: 'before', b: encodeCbor(inner), c: 'after' });
});

test('any bytes that decode are the canonical encoding of their value', () => {
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

test('non-canonical encodings and unsupported values are refused with a reason', () => {
  const refused: readonly (readonly [string, string])[] = [
    ['', 'truncated'],
    ['1800', 'shortest'],
    ['1817', 'shortest'],
    ['190018', 'shortest'],
    ['1a0000ffff', 'shortest'],
    ['1b00000000ffffffff', 'shortest'],
    ['1b0020000000000000', 'larger than 2^53'],
    ['3b001fffffffffffff', 'smaller than'],
    ['1bffffffffffffffff', 'larger than 2^53'],
    ['f93c00', '64-bit floats'],
    ['fa3f800000', '64-bit floats'],
    ['fb3ff0000000000000', 'as a float'],
    ['fb8000000000000000', 'as a float'],
    ['fb7ff8000000000000', 'not finite'],
    ['fb7ff0000000000000', 'not finite'],
    ['f7', 'only false'],
    ['f8ff', 'only false'],
    ['ff', 'only false'],
    ['c000', 'tags'],
    ['d82a4100', 'tags'],
    ['9fff', 'indefinite lengths'],
    ['5fff', 'indefinite lengths'],
    ['a2616201616102', 'not sorted'],
    ['a2626161016162', 'not sorted'],
    ['a2616101616102', 'not sorted'],
    ['a10101', 'not text'],
    ['62c328', 'not valid'],
    ['63eda080', 'not valid'],
    ['0000', 'trailing bytes'],
    ['6161ff', 'trailing bytes'],
    ['5bffffffffffffffff', 'larger than 2^53'],
    ['5b001fffffffffffff', 'truncated'],
    ['9b001fffffffffffff', 'truncated'],
    ['bb0010000000000000', 'truncated'],
    ['9affffffff', 'truncated'],
    ['83', 'truncated'],
    ['8201', 'truncated'],
    ['a16161', 'truncated'],
  ];
  for (const [hex, reason] of refused) {
    expect(() => readCbor(fromHex(hex)), hex).toThrow(reason);
  }
});

test('a byte order mark at the start of a text is preserved', () => {
  for (const text of ['\ufeffhi', `\ufeff${'x'.repeat(300)}`]) expect(readCbor(encodeCbor(text))).toBe(text);
});

test('a member named __proto__ is an ordinary member', () => {
  const value = readCbor(fromHex('a1695f5f70726f746f5f5fa1617401')) as object;
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  expect(Object.keys(value)).toEqual(['__proto__']);
  expect(() => decodeCbor(z.object({ t: z.number() }), fromHex('a1695f5f70726f746f5f5fa1617401'))).toThrow('"t"');
});

test('writer and reader share the nesting limit', () => {
  const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)]);
  const bytes = (depth: number) => Uint8Array.of(...Array.from({ length: depth }, () => 0x81), 1);
  expect(readCbor(encodeCbor(nested(limits.nestingMax)))).toEqual(nested(limits.nestingMax));
  expect(() => encodeCbor(nested(limits.nestingMax + 1))).toThrow(expect.objectContaining({ code: 'bad-frame' }));
  expect(readCbor(bytes(limits.nestingMax))).toEqual(nested(limits.nestingMax));
  expect(() => readCbor(bytes(limits.nestingMax + 1))).toThrow('nested too deeply');
  expect(() => readCbor(new Uint8Array(limits.frameBytesMax).fill(0x81))).toThrow('nested too deeply');
  expect(() => readCbor(new Uint8Array(limits.frameBytesMax).fill(0xa1))).toThrow();
});

test('a frame of very many small items is refused before they are all allocated', () => {
  const length = limits.frameBytesMax - 5;
  const bytes = new Uint8Array(limits.frameBytesMax).fill(0x80);
  bytes.set([0x9a, length >> 24, length >> 16, length >> 8, length & 255]);
  expect(() => readCbor(bytes)).toThrow('too many items');
});

test('values that cannot be encoded throw with a code', () => {
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

test('undefined members are omitted at any depth', () => {
  expect(toHex(encodeCbor({ a: undefined, b: [{ c: undefined }] }))).toBe(toHex(encodeCbor({ b: [{}] })));
});

test('a value that does not match the schema is refused with the given code, naming its path', () => {
  const schema = z.object({ list: z.array(z.number()) });
  expect(decodeCbor(schema, encodeCbor({ list: [1], more: 'unknown members pass' }))).toEqual({ list: [1] });
  expect(() => decodeCbor(schema, encodeCbor({ list: [1, 'x'] }), 'bad-record')).toThrow(
    expect.objectContaining({ code: 'bad-record', message: expect.stringContaining('list.1') }),
  );
});

test('a view into a larger buffer is read from its own offset, and decoded bytes are copies', () => {
  const buffer = Buffer.from(fromHex('ffff43010203ff'));
  const read = readCbor(buffer.subarray(2, 6)) as Uint8Array;
  buffer.fill(0);
  expect(read).toEqual(Uint8Array.of(1, 2, 3));
  expect(Object.getPrototypeOf(read)).toBe(Uint8Array.prototype);
  expect(Object.getPrototypeOf(encodeCbor({ text: 'x'.repeat(99) }))).toBe(Uint8Array.prototype);
});
