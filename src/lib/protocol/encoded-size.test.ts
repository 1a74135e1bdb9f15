import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeCbor } from './cbor.ts';
import { encodedSizeMax } from './encoded-size.ts';
import { limits } from './limits.ts';

test('no encoding has more bytes than were foreseen', () => {
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.string({ unit: fc.constantFrom('a', 'é', '€', '😀', '\ud800') }),
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.boolean(),
      fc.constant(null),
      fc.uint8Array(),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(fc.string(), fc.option(tie('value'), { nil: undefined }), { maxKeys: 4 }),
    ),
  }));
  fc.assert(
    fc.property(value, (one) => {
      const foreseen = encodedSizeMax(one);
      if (foreseen === Number.POSITIVE_INFINITY) return;
      expect(encodeCbor(one).length).toBeLessThanOrEqual(foreseen);
    }),
    { seed: 4, numRuns: 60 },
  );
});

test.each([
  ['NaN', { a: Number.NaN }],
  ['a function', { a: () => 1 }],
  ['a missing item', [undefined]],
  ['nothing', undefined],
  ['more text than a frame has room for', { a: 'x'.repeat(limits.frameBytesMax), b: 1 }],
  ['more items than a frame has room for', Array.from({ length: limits.frameBytesMax }, () => 1)],
])('%s has no foreseeable size', (_, value) => {
  expect(encodedSizeMax(value)).toBe(Number.POSITIVE_INFINITY);
});

test('what is nested too deeply, or in itself, has no foreseeable size', () => {
  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  expect(encodedSizeMax(cycle)).toBe(Number.POSITIVE_INFINITY);
});
