import { expect, test } from 'vitest';
import { printable, printableJson } from './printable.ts';

test('A12: what would move a cursor, turn the writing or hide stands there as an escape', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['right to left', 'gpt\u202Egnp.exe', 'gpt\\u{202e}gnp.exe'],
    ['an isolate', 'a\u2066b\u2069', 'a\\u{2066}b\\u{2069}'],
    ['zero width', 'tab\u200Bloom\u200D\uFEFF', 'tab\\u{200b}loom\\u{200d}\\u{feff}'],
    ['NUL', 'a\0b', 'a\\u{0}b'],
    ['a new line', 'ok\r\nlevel: fatal', 'ok\\u{d}\\u{a}level: fatal'],
    ['an escape sequence', '\x1B[2Jgone', '\\u{1b}[2Jgone'],
    ['of eight bits', '\x9B31m', '\\u{9b}31m'],
    ['a line separator', 'a\u2028b', 'a\\u{2028}b'],
    ['half a character', 'a\uD800b', 'a\\u{d800}b'],
    ['a filler that shows nothing', 'a\u3164b', 'a\\u{3164}b'],
    ['a wide space', 'a\u3000b', 'a b'],
    ['a tag beyond the first plane', 'a\u{E0041}b', 'a\\u{e0041}b'],
  ];
  for (const [what, text, shown] of cases) expect(printable(text), what).toBe(shown);
});

test('A12: what can be read is left as it is, lookalikes and paths too: they are seen for what they are where they are compared', () => {
  for (const text of ['Grüß Gott, 🦊!', 'tаbloom-demo', '../../etc/passwd', '<script>', 'a b', '']) {
    expect(printable(text)).toBe(text);
  }
});

test('A12: JSON stays JSON of the same value, on one line', () => {
  const value = { name: 'a\u202Eb\r\n\x1B\x7F\x9B\u{E0041}🦊' };
  const line = printableJson(JSON.stringify(value));
  expect(line).toBe('{"name":"a\\u202eb\\r\\n\\u001b\\u007f\\u009b\\udb40\\udc41🦊"}');
  expect(JSON.parse(line)).toEqual(value);
});
