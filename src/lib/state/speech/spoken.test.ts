import { expect, test } from 'vitest';
import { chooseVoice, languageOf, toSpoken } from './spoken.ts';

const spoken = (markdown: string) => toSpoken(markdown, 'Code.', 'en');

test('marks of Markdown are not read, and code is only named', () => {
  const text = [
    '# Looms',
    '',
    'A **loom** [weaves](https://example.org/a_b) `cloth` with snake_case.',
    '',
    '- [x] warp',
    '- weft',
    '',
    '```js',
    'const a = 1;',
    '```',
    '',
    '> Old.',
    '',
    '| part | made of |',
    '| --- | :---: |',
    '| heddle | wire |',
  ].join('\n');
  expect(spoken(text)).toEqual([
    'Looms',
    'A loom weaves cloth with snake_case.',
    'warp',
    'weft',
    'Code.',
    'Old.',
    'part, made of',
    'heddle, wire',
  ]);
});

test('a block of code that does not end is named too, and what is no word is left out', () => {
  expect(spoken('Look:\n\n```\nx = 1\n')).toEqual(['Look:', 'Code.']);
  expect(spoken('***\n\n---\n\n  ')).toEqual([]);
});

test('pieces hold whole sentences, and a sentence that is too long is cut between words', () => {
  const sentence = `${'Word '.repeat(17).trim()}.`;
  expect(spoken([sentence, sentence, sentence].join(' '))).toEqual([`${sentence} ${sentence}`, sentence]);
  const pieces = spoken('word '.repeat(100));
  expect(pieces.every((piece) => piece.length <= 200 && /^(word ?)+$/.test(piece))).toBe(true);
  expect(pieces.join(' ').split(' ')).toHaveLength(100);
  expect(spoken('字'.repeat(450)).map(({ length }) => length)).toEqual([200, 200, 50]);
});

test('an answer made to be slow to read is read at once', () => {
  for (const mark of ['[', '|', '-', ' ', '`', '_', '<', '\n', '![a]('])
    expect(spoken(mark.repeat(40_000)).length).toBeLessThan(1_500);
});

test('a script tells the language, and Latin letters are read as on the page', () => {
  expect(languageOf('Hello there', 'de')).toBe('de');
  expect(languageOf('Hello there', 'ar')).toBe('en');
  expect(languageOf('مرحبا بالعالم', 'en')).toBe('ar');
  expect(languageOf('你好，世界', 'zh-Hans')).toBe('zh-Hans');
  expect(languageOf('これは織機です', 'en')).toBe('ja');
  expect(languageOf('The word 你好 means hello, and much more could be said of it', 'en')).toBe('en');
  expect(languageOf('42', 'es')).toBe('es');
});

test('a voice of this device comes before one of a service, and one of the region before others', () => {
  const voice = (lang: string, localService: boolean) => ({ lang, localService });
  const voices = [voice('en-US', false), voice('en_GB', true), voice('en-US', true), voice('de-DE', false)];
  expect(chooseVoice(voices, 'en-US')).toBe(voices[2]);
  expect(chooseVoice(voices, 'en')).toBe(voices[1]);
  expect(chooseVoice(voices, 'de')).toBe(voices[3]);
  expect(chooseVoice(voices, 'ar')).toBeUndefined();
});
