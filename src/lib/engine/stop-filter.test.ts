import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createStopFilter, type RawPiece } from './stop-filter.ts';

/** Runs one-token pieces through a filter. */
function run(texts: readonly string[], stops: readonly string[]) {
  const filter = createStopFilter(stops);
  const out: RawPiece[] = [];
  for (const [id, text] of texts.entries()) {
    const { released, matched } = filter.push({ text, tokens: 1, ids: [id] });
    out.push(released);
    if (matched) return { out, matched: true };
  }
  out.push(filter.flush());
  return { out, matched: false };
}

const textOf = (out: readonly RawPiece[]) => out.map(({ text }) => text).join('');
const tokensOf = (out: readonly RawPiece[]) => out.reduce((sum, { tokens }) => sum + tokens, 0);

describe('the stop filter', () => {
  test('passes everything through without stop sequences', () => {
    const { out, matched } = run(['one', ' two'], []);
    expect(out).toEqual([
      { text: 'one', tokens: 1, ids: [0] },
      { text: ' two', tokens: 1, ids: [1] },
      { text: '', tokens: 0 },
    ]);
    expect(matched).toBe(false);
  });

  test('cuts before a sequence spanning several pieces and drops the tokens inside it', () => {
    const { out, matched } = run(['one', ' E', 'N', 'D', ' two'], ['END']);
    expect({ text: textOf(out), tokens: tokensOf(out), matched }).toEqual({ text: 'one ', tokens: 2, matched: true });
  });

  test('takes the earliest of several, and one at the very start', () => {
    expect(textOf(run(['a.b,c'], [',', '.']).out)).toBe('a');
    const { out, matched } = run(['END'], ['END']);
    expect({ text: textOf(out), tokens: tokensOf(out), matched }).toEqual({ text: '', tokens: 0, matched: true });
  });

  test('takes the one that completes first, however the text is split', () => {
    for (const pieces of [['abc'], ['a', 'b', 'c'], ['ab', 'c']])
      expect(textOf(run(pieces, ['abc', 'b']).out)).toBe('a');
  });

  test('releases a prefix that does not become a stop sequence', () => {
    const { out } = run(['E', 'N', 'X'], ['END']);
    expect(out.at(-2)).toEqual({ text: 'ENX', tokens: 3, ids: [0, 1, 2] });
    expect(textOf(run(['so', ' EN'], ['END']).out)).toBe('so EN');
  });

  test('holds a token without text until its character is complete, and counts it at the end', () => {
    expect(run(['', 'é'], ['x']).out[1]).toEqual({ text: 'é', tokens: 2, ids: [0, 1] });
    expect(tokensOf(run(['a', ''], []).out)).toBe(2);
  });

  test('holds a whole piece back where its text could otherwise end inside a token', () => {
    const filter = createStopFilter(['cde'], 'whole');
    expect(filter.push({ text: 'ab', tokens: 1 }).released).toEqual({ text: 'ab', tokens: 1 });
    expect(filter.push({ text: ' bc', tokens: 2 }).released).toEqual({ text: '', tokens: 0 });
    expect(filter.push({ text: ' d', tokens: 1 }).released).toEqual({ text: ' bc d', tokens: 3 });
    filter.push({ text: ' c', tokens: 1 });
    expect(filter.push({ text: 'de', tokens: 1 })).toEqual({ released: { text: ' ', tokens: 1 }, matched: true });
  });

  test('yields the same text however the answer is split, and loses no token without a match', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 24 });
    const stop = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(letters, { maxLength: 8 }), fc.array(stop, { maxLength: 3 }), (pieces, stops) => {
        const whole = pieces.join('');
        // Reference: character by character, the first end, and for equal ends the longest sequence.
        const ends = Array.from({ length: whole.length + 1 }, (_, end) => whole.slice(0, end));
        const begun = ends.find((text) => stops.some((one) => text.endsWith(one)));
        const longest = Math.max(0, ...stops.filter((one) => begun?.endsWith(one)).map((one) => one.length));
        const { out, matched } = run(pieces, stops);
        expect(textOf(out)).toBe(begun === undefined ? whole : begun.slice(0, begun.length - longest));
        expect(matched).toBe(begun !== undefined);
        if (!matched) expect(tokensOf(out)).toBe(pieces.length);
      }),
      { seed: 7, numRuns: 2_000 },
    );
  });
});
