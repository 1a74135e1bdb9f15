import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { limits } from './limits.ts';
import { isPrintableName, mustSchema, nameSchema, unknownMust, wordSchema } from './word.ts';

test('a word is lower-case letters, digits and hyphens, and begins with a letter', () => {
  for (const word of ['a', 'tool-calls', 'q8', 'a-', 'w'.repeat(limits.wordLengthMax)]) {
    expect(wordSchema.safeParse(word).success, word).toBe(true);
  }
  for (const word of ['', 'A', '1a', '-a', 'a b', 'a_b', 'ä', 'a\n', 'w'.repeat(limits.wordLengthMax + 1), 1, null]) {
    expect(wordSchema.safeParse(word).success, JSON.stringify(word)).toBe(false);
  }
});

test('ordinary names are accepted', () => {
  for (const name of [
    'x',
    'n'.repeat(128),
    'Grüß Gott',
    '模型 7B',
    'نموذج',
    'נגב',
    'मॉडल',
    '🦊',
    '👍🏽',
    '❤\ufe0f',
    '🇦🇹',
  ]) {
    expect(isPrintableName(name), name).toBe(true);
  }
});

/** Never allowed in a name: invisible, reorders text, or ends a line. */
const never: Readonly<Record<string, string>> = {
  NUL: '\0',
  tab: '\t',
  'CR LF': '\r\n',
  ESC: '\u001b',
  DEL: '\u007f',
  CSI: '\u009b',
  'line separator': '\u2028',
  'paragraph separator': '\u2029',
  'bidi override': '\u202e',
  'bidi isolate': '\u2067',
  'mark of direction': '\u200e',
  'Arabic letter mark': '\u061c',
  'zero-width space': '\u200b',
  'zero-width joiner': '\u200d',
  'word joiner': '\u2060',
  'byte order mark': '\ufeff',
  'soft hyphen': '\u00ad',
  'combining grapheme joiner': '\u034f',
  'Hangul filler': '\u3164',
  'variation selector': '\ufe0f',
  'tag letter': '\u{e0061}',
  'no-break space': '\u00a0',
  'ideographic space': '\u3000',
  'blank braille': '\u2800',
  'half a character': '\ud83e',
  'private use': '\ue000',
  unassigned: '\u0378',
};

test.each(Object.entries(never))('%s is refused anywhere in a name', (_, bad) => {
  for (const name of [bad, `${bad}a`, `a${bad}`, `a${bad}b`]) expect(isPrintableName(name)).toBe(false);
});

test('empty, too long, non-NFC and padded names are refused', () => {
  for (const name of ['', ' ', ' a', 'a ', 'n'.repeat(129), '🦊'.repeat(65), 'e\u0301', '\u212b', '\u2126']) {
    expect(isPrintableName(name), JSON.stringify(name)).toBe(false);
    expect(nameSchema.safeParse(name).success).toBe(false);
  }
  expect(isPrintableName('a b')).toBe(true);
});

const letters = ['a', 'Z', '7', ' ', '-', 'é', 'e\u0301', 'ß', '中', 'ن', '🦊', '❤', '@', '(', '\u0301', '\u1160'];
test('every accepted name is normalised, within limits, and safe to trim and print', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...letters, ...Object.values(never)), maxLength: 20 }), (name) => {
      if (!isPrintableName(name)) return;
      expect(name.normalize('NFC')).toBe(name);
      expect(name.trim()).toBe(name);
      expect(name.length).toBeLessThanOrEqual(limits.nameLengthMax);
      // oxlint-disable-next-line no-control-regex
      expect(name).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
      expect(new TextDecoder().decode(new TextEncoder().encode(name))).toBe(name);
    }),
    { seed: 1, numRuns: 500 },
  );
});

test('version 2 understands no `must` words yet', () => {
  expect(unknownMust({})).toEqual([]);
  expect(unknownMust({ must: [] })).toEqual([]);
  expect(unknownMust({ must: ['sealed', 'paid'] })).toEqual(['sealed', 'paid']);
  expect(mustSchema.safeParse(Array(limits.mustWordsMax).fill('a')).success).toBe(true);
  expect(mustSchema.safeParse(Array(limits.mustWordsMax + 1).fill('a')).success).toBe(false);
});
