import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { bundledRows } from '../../relay/audit/bundled-rows.ts';
import { heldSeries, heldTokens } from './published.ts';

test('npm run verified holds cheats to what docs/VERIFICATION.md says: the most tokens of single audits, and of series', () => {
  for (const row of ['Canned reply', 'Truncation', 'A smaller model']) expect(heldTokens(row), row).toBeLessThan(100);
  expect(() => heldTokens('Finer quantisation')).toThrow('Finer quantisation');
  for (const title of ['Another system prompt', 'Another model', 'Coarser quantisation'])
    expect(heldSeries(title).within, title).toBeLessThan(10_000);
  expect(heldSeries('Finer quantisation').within).toBeUndefined();
  expect(() => heldSeries('Nothing of it')).toThrow('Nothing of it');
});

test('what docs/VERIFICATION.md says in words of its series and of the rows that are shipped is what was measured', () => {
  const document = readFileSync('docs/VERIFICATION.md', 'utf8');
  const words = document.replaceAll(/\s+/g, ' ');
  const number = (count: number) => count.toLocaleString('en');
  const [row] = bundledRows;
  expect(row!.max).toBe(0);
  expect(words).toContain(`of ${number(row!.tokens)} tokens none differed`);
  const series = document
    .slice(document.indexOf('<!-- series -->'))
    .split('\n')
    .find((line) => line.startsWith('| Finer quantisation'))!
    .split('|')
    .map((cell) => cell.trim());
  const [, , tokens, unlikely, beyond] = series.map(Number);
  expect(words).toContain(
    `of ${number(tokens!)} of its tokens ${unlikely} were not the likeliest, and ${beyond} by more than 0.02`,
  );
});
