import { expect, test } from 'vitest';
import { renderFormula } from './formula.ts';

test('MathML without the TeX source, displayed or inline', () => {
  const html = renderFormula('\\frac{1}{3}', true);
  expect(html).toContain('<mfrac>');
  expect(html).toContain('display="block"');
  expect(html).not.toContain('annotation');
});

test('invalid TeX is shown rather than thrown, and a macro bomb terminates', () => {
  expect(renderFormula('\\frac{1', false)).toContain('frac');
  expect(renderFormula('\\def\\a{\\a\\a}\\a', false)).toBeTypeOf('string');
});
