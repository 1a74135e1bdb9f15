import { expect, test } from 'vitest';
import { highlight } from './highlight.ts';

test('the tokens join to the code and have colours for both themes', async () => {
  const code = 'const a = 1; // one\nlet b;';
  const lines = await highlight(code, 'ts');
  expect(lines?.map((line) => line.map(({ text }) => text).join('')).join('\n')).toBe(code);
  expect(lines?.[0]?.[0]).toMatchObject({ light: expect.stringMatching(/^#/), dark: expect.stringMatching(/^#/) });
});

test('unknown languages, names inherited from Object, and very long code stay plain', async () => {
  expect(await highlight('x', 'klingon')).toBeUndefined();
  expect(await highlight('x', 'constructor')).toBeUndefined();
  expect(await highlight('x'.repeat(20_001), 'js')).toBeUndefined();
});
