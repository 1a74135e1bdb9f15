import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { portableSha256 } from '#lib/protocol/hash.ts';
import { nodeSha256 } from './native-crypto.ts';

test('hashes by native code are those of the portable one', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(300), (bytes, from) => {
      // Also of a part of a larger buffer.
      for (const one of [bytes, bytes.subarray(from)]) expect(nodeSha256(one)).toBe(portableSha256(one));
    }),
    { seed: 1, numRuns: 200 },
  );
});
