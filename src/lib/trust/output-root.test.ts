import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { toHex, utf8Encode } from '#lib/base/bytes.ts';
import { chat } from '#lib/protocol/kinds/chat.ts';
import type { Part } from '#lib/protocol/part.ts';
import { createMerkle } from './merkle.ts';
import { createOutputRoot } from './output-root.ts';

const delta = (text: string, tokens = 1, ids?: number[]): Part => ({
  type: 'text-delta',
  text,
  tokens,
  ...(ids ? { ids } : {}),
});
const summaryOf = (...parts: Part[]) => {
  const root = createOutputRoot(chat.outputHash);
  for (const part of parts) root.add(part);
  return root.summary();
};
const sha = (...chunks: Uint8Array[]) => {
  const hash = createHash('sha256');
  for (const chunk of chunks) hash.update(chunk);
  return new Uint8Array(hash.digest());
};

/** An independent, recursive implementation of RFC 6962. */
function merkleTreeHash(blocks: readonly Uint8Array[]): Uint8Array {
  if (blocks.length === 0) return sha();
  if (blocks.length === 1) return sha(Uint8Array.of(0), blocks[0]!);
  let half = 1;
  while (half * 2 < blocks.length) half *= 2;
  return sha(Uint8Array.of(1), merkleTreeHash(blocks.slice(0, half)), merkleTreeHash(blocks.slice(half)));
}

test('the incremental tree matches RFC 6962, however the bytes are split', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2_000 }), fc.array(fc.nat(2_000)), (bytes, cuts) => {
      const merkle = createMerkle();
      let from = 0;
      for (const to of [...cuts.sort((a, b) => a - b), bytes.length]) {
        merkle.add(bytes.subarray(from, to));
        from = Math.min(to, bytes.length);
      }
      const blocks = Array.from({ length: Math.ceil(bytes.length / 64) }, (_, i) =>
        bytes.subarray(i * 64, i * 64 + 64),
      );
      expect(toHex(merkle.root())).toBe(toHex(merkleTreeHash(blocks)));
      expect(merkle.sizeBytes).toBe(bytes.length);
    }),
    { seed: 1, numRuns: 300 },
  );
});

test('the root of no bytes is the hash of the empty string, and reading it twice changes nothing', () => {
  const merkle = createMerkle();
  expect(toHex(merkle.root())).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  merkle.add(utf8Encode('x'.repeat(200)));
  expect(toHex(merkle.root())).toBe(toHex(merkle.root()));
});

test('splitting or joining parts makes no difference', () => {
  const whole = summaryOf(delta('Zwölf 🦊 Füchse', 4, [1, 2, 3, 4]));
  expect(summaryOf(delta('Zwölf ', 1, [1]), delta('🦊', 2, [2, 3]), delta(' Füchse', 1, [4]))).toEqual(whole);
  expect(summaryOf(delta('Zwölf \ud83e', 2, [1, 2]), delta('\udd8a Füchse', 2, [3, 4]))).toEqual(whole);
  expect(whole).toEqual({ outputRoot: expect.stringMatching(/^[0-9a-f]{64}$/), outputForm: 'token-ids', tokens: 4 });
});

test('different text, ids, or a different boundary between them yields a different root', () => {
  const roots = [
    summaryOf(delta('ab', 2, [1, 2])),
    summaryOf(delta('ac', 2, [1, 2])),
    summaryOf(delta('ab', 2, [1, 3])),
    summaryOf(delta('ab', 2, [2, 1])),
    summaryOf(delta('ab', 1, [1])),
    summaryOf(delta('ab', 2)),
    summaryOf(delta('ab\0', 2)),
    summaryOf(),
  ].map(({ outputRoot }) => outputRoot);
  expect(new Set(roots).size).toBe(roots.length);
});

test('one part without ids for all its tokens makes the form text-parts; text without tokens does not', () => {
  expect(summaryOf(delta('a', 1, [1]), delta('b')).outputForm).toBe('text-parts');
  expect(summaryOf(delta('a', 1, [1]), delta('b', 2, [2])).outputForm).toBe('text-parts');
  expect(summaryOf(delta('a', 1, [1]), delta('b', 0)).outputForm).toBe('token-ids');
  expect(summaryOf(delta('a', 1, [1]), delta('b')).outputRoot).toBe(summaryOf(delta('ab', 2)).outputRoot);
});

test('warnings are not output', () => {
  const warning: Part = { type: 'warning', code: 'seed-ignored', message: 'No seed here.' };
  expect(summaryOf(warning, delta('a'))).toEqual(summaryOf(delta('a')));
});
