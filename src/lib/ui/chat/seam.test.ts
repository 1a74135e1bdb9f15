import { expect, test } from 'vitest';
import { visibleOffset } from './seam.ts';

/** The visible text from the character where another peer continued. */
const after = (source: string, visible: string, delivered: string) =>
  visible.slice(visibleOffset(source, visible, delivered.length));

test('a character of the source is found in what is visible of it', () => {
  expect(after('one two three', 'one two three', 'one tw')).toBe('o three');
  expect(after('a **bold** word', 'a bold word', 'a **bo')).toBe('ld word');
  expect(after('- one\n- two\n', 'onetwo', '- one\n- t')).toBe('wo');
  expect(after('see [this](https://x.example) now', 'see this now', 'see [this](https://x.example) n')).toBe('ow');
});

test('a mark at the seam belongs to what follows it', () => {
  expect(after('one **two**', 'one two', 'one **')).toBe('two');
});

test('characters that are not in the source are passed over', () => {
  expect(after('"so" he said', '“so” he said', '"so" he')).toBe('said');
});

test('the end of the text is after everything visible', () => {
  expect(visibleOffset('all', 'all', 3)).toBe(3);
});
