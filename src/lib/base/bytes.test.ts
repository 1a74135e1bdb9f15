import { expect, test } from 'vitest';
import { concatBytes, equalBytes, fromHex, toHex, utf8Decode, utf8Encode } from './bytes.ts';

test('hexadecimal goes both ways, in either case', () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
  expect(fromHex(toHex(bytes))).toEqual(bytes);
  expect(fromHex('Ff00')).toEqual(Uint8Array.of(255, 0));
  expect(toHex(new Uint8Array())).toBe('');
});

test('what is no hexadecimal is refused', () => {
  for (const text of ['0', '0g', ' 00', '0x00', '00\n']) {
    expect(() => fromHex(text), text).toThrow(expect.objectContaining({ code: 'bad-hex' }));
  }
});

test('text goes through UTF-8 and back, byte order mark included', () => {
  for (const text of ['', 'Grüß 🦊', '\ufeffhi']) expect(utf8Decode(utf8Encode(text))).toBe(text);
});

test('joins and compares', () => {
  expect(concatBytes()).toEqual(new Uint8Array());
  expect(concatBytes(Uint8Array.of(1), new Uint8Array(), Uint8Array.of(2, 3))).toEqual(Uint8Array.of(1, 2, 3));
  expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2))).toBe(true);
  expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false);
  expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1))).toBe(false);
});
