import { expect, test } from 'vitest';
import { filesOf, withLinks } from './preload-first.js';

const manifest = {
  _a: { file: 'a.js', name: 'network', imports: ['_c'] },
  _b: { file: 'b.js', name: 'asking', imports: ['_c', '_a'] },
  _c: { file: 'c.js', name: 'later' },
  'src/lib/ui/Other.svelte': { file: 'd.js', name: 'Other', imports: ['_c'] },
};

test('what a first answer needs, with what it imports, each once', () => {
  expect(filesOf(manifest)).toEqual(['a.js', 'c.js', 'b.js']);
});

test('a part that the build does not know by its name any more ends the build', () => {
  const { _b, ...rest } = manifest;
  expect(() => filesOf(rest)).toThrow('asking');
});

test('a page asks for its styles first, for these files last, and for none twice', () => {
  const script = '<script src="first.js"></script>';
  const own = '<link href="./c.js" rel="modulepreload">';
  const style = '\n<link href="./s.css" rel="stylesheet">';
  const links = '<link rel="modulepreload" href="/a.js" data-first-answer>';
  expect(withLinks(`<head>${script}${own}${style}</head><body></body>`, ['a.js', 'c.js'])).toBe(
    `<head>${script}${style}${own}${links}</head><body></body>`,
  );
});
