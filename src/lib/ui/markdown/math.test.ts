import { expect, test } from 'vitest';
import { hasMath, splitMath } from './math.ts';

test('formulas apart and within a line', () => {
  expect(splitMath('Area \\(\\pi r^2\\), and\n$$ a = b $$')).toEqual([
    { type: 'text', text: 'Area ' },
    { type: 'math', tex: '\\pi r^2', display: false },
    { type: 'text', text: ', and\n' },
    { type: 'math', tex: 'a = b', display: true },
  ]);
  expect(splitMath('\\[x\\]')).toEqual([{ type: 'math', tex: 'x', display: true }]);
});

test('prices, code and an unfinished formula are text', () => {
  for (const text of ['It costs $5 or $6.', '`$$x$$` and ``\\(y\\)``', '$$ a = ', '\\( a'])
    expect(hasMath(text)).toBe(false);
});
