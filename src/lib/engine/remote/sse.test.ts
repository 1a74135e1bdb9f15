import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { utf8Encode } from '#lib/base/bytes.ts';
import { createEventReader } from './sse.ts';

/** The data of all events, with the bytes cut at these places. */
function read(bytes: Uint8Array, cuts: readonly number[]): readonly string[] {
  const reader = createEventReader();
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
  const pieces = places.slice(1).map((to, index) => bytes.subarray(places[index]!, to));
  return [...pieces.flatMap((piece) => reader.read(piece)), ...reader.end()];
}

test('however its bytes are cut, a stream says the same', () => {
  const word = fc.constantFrom('a', 'é', '€', '😀', '\uFEFF', 'data', ' ');
  const data = fc.array(word, { minLength: 1, maxLength: 6 }).map((words) => words.join(''));
  fc.assert(
    fc.property(fc.array(data, { maxLength: 5 }), fc.array(fc.nat(), { maxLength: 8 }), (all, cuts) => {
      const bytes = utf8Encode(`\uFEFF${all.map((one) => `data: ${one}\n\n`).join('')}`);
      expect(read(bytes, cuts)).toEqual(read(bytes, []));
      expect(read(bytes, [])).toEqual(all.map((one) => one.trim()).filter((one) => one !== ''));
    }),
  );
});

test('bytes that are no UTF-8 are replaced alike, in whichever read they come', () => {
  const bytes = Uint8Array.from([
    ...utf8Encode('data: a'),
    0xc3,
    ...utf8Encode('\n\ndata: b'),
    0xff,
    ...utf8Encode('c\n\n'),
  ]);
  for (let cut = 0; cut <= bytes.length; cut++) expect(read(bytes, [cut])).toEqual(['a\uFFFD', 'b\uFFFDc']);
});
