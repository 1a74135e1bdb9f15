import fc from 'fast-check';
import { expect, test } from 'vitest';
import { splitBlocks } from './blocks.ts';

test('a blank line ends a block', () => {
  expect(splitBlocks('one\ntwo\n\nthree\n\n\nfour')).toEqual(['one\ntwo\n\n', 'three\n\n\n', 'four']);
});

test('a fence keeps its blank lines, and an open fence everything after it', () => {
  expect(splitBlocks('```js\na\n\nb\n```\n\nafter')).toEqual(['```js\na\n\nb\n```\n\n', 'after']);
  expect(splitBlocks('before\n\n~~~\na\n\nb\n\n```\n\nc')).toEqual(['before\n\n', '~~~\na\n\nb\n\n```\n\nc']);
});

test('an indented line continues the preceding item', () => {
  expect(splitBlocks('- one\n\n  more of one\n\n- two')).toEqual(['- one\n\n  more of one\n\n', '- two']);
});

test('empty text has no blocks', () => {
  expect(splitBlocks('')).toEqual([]);
});

test('the blocks join to the text, and growth changes only the last block', () => {
  const piece = fc.constantFrom('a', ' ', '\n', '\n\n', '```', '~~~', '- x', '  y', '# h');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), piece, (pieces, next) => {
      const text = pieces.join('');
      const before = splitBlocks(text);
      expect(before.join('')).toBe(text);
      const after = splitBlocks(text + next);
      expect(after.slice(0, Math.max(0, before.length - 1))).toEqual(before.slice(0, -1));
    }),
    { seed: 7, numRuns: 400 },
  );
});
