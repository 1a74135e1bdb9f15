import { expect, test } from 'vitest';
import { sentenceTranslator } from './sentences.ts';

const translate = sentenceTranslator([
  ['Wait.', 'Warte.'],
  ['Needs {needs} of memory.', 'Braucht {needs} Speicher.'],
  ['Needs {needs} of memory; this device has {has}.', 'Dieses Gerät hat {has}, nötig sind {needs}.'],
]);

test('a sentence, whole or with values in it', () => {
  expect(translate('Wait.')).toBe('Warte.');
  expect(translate('Needs 1.5 GB of memory.')).toBe('Braucht 1.5 GB Speicher.');
  expect(translate('Needs 4 GB of memory; this device has 2 GB.')).toBe('Dieses Gerät hat 2 GB, nötig sind 4 GB.');
});

test('what is not known stays as it is, and is not read as a pattern', () => {
  expect(translate('WaitX')).toBe('WaitX');
  expect(translate('Needs  of memory.')).toBe('Needs  of memory.');
  expect(translate('')).toBe('');
});
