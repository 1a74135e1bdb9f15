import { expect, test } from 'vitest';
import { splitMath } from './math.ts';

test('finds displayed and inline formulas', () => {
  expect(splitMath('Area \\(\\pi r^2\\), and\n$$ a = b $$')).toEqual([
    { type: 'text', text: 'Area ' },
    { type: 'math', tex: '\\pi r^2', display: false, source: '\\(\\pi r^2\\)' },
    { type: 'text', text: ', and\n' },
    { type: 'math', tex: 'a = b', display: true, source: '$$ a = b $$' },
  ]);
  expect(splitMath('\\[x\\]')).toEqual([{ type: 'math', tex: 'x', display: true, source: '\\[x\\]' }]);
});

test('prices, code and unfinished formulas stay text', () => {
  for (const text of ['It costs $5 or $6.', '`$$x$$` and ``\\(y\\)``', '$$ a = ', '\\( a'])
    expect(splitMath(text)).toEqual([{ type: 'text', text }]);
});
