import { expect, test } from 'vitest';
import { contextLengthMax, readPageContext } from './page-context.ts';

const page = (...texts: readonly (string | undefined)[]) => ({
  title: 'Shop',
  querySelectorAll: (selector: string) => {
    if (selector === '<') throw new SyntaxError('no selector');
    return texts.map((innerText) => ({ ...(innerText === undefined ? {} : { innerText }), textContent: 'raw' }));
  },
});

test('the text of what the site has named', () => {
  expect(readPageContext(page('One  thing', '\n\n\n\n', undefined), 'main')).toBe('Title: Shop\n\nOne thing\n\nraw');
});

test('nothing where nothing was named, nothing matches, or the selector is none', () => {
  expect(readPageContext(page('a'), undefined)).toBeUndefined();
  expect(readPageContext(page(), 'main')).toBeUndefined();
  expect(readPageContext(page('a'), '<')).toBeUndefined();
});

test('a long page is cut, and says so', () => {
  const text = readPageContext(page('x'.repeat(contextLengthMax * 2)), 'main')!;
  expect(text.length).toBeLessThan(contextLengthMax + 100);
  expect(text.endsWith('[…]')).toBe(true);
});
