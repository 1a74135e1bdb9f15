import { expect, test } from 'vitest';
import { renderFormula } from './formula.ts';

test('MathML without the TeX in it, apart or within the line', () => {
  const html = renderFormula('\\frac{1}{3}', true);
  expect(html).toContain('<mfrac>');
  expect(html).toContain('display="block"');
  expect(html).not.toContain('annotation');
});

test('bad TeX is shown, not thrown; a macro bomb ends', () => {
  expect(renderFormula('\\frac{1', false)).toContain('frac');
  expect(renderFormula('\\def\\a{\\a\\a}\\a', false)).toBeTypeOf('string');
});
