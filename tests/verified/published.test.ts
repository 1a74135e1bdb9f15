import { expect, test } from 'vitest';
import { heldSeries, heldTokens } from './published.ts';

test('npm run verified holds cheats to what docs/VERIFICATION.md says: the most tokens of single audits, and of series', () => {
  for (const row of ['Canned reply', 'Truncation', 'A smaller model']) expect(heldTokens(row), row).toBeLessThan(100);
  expect(() => heldTokens('Finer quantisation')).toThrow('Finer quantisation');
  for (const title of ['Another system prompt', 'Another model', 'Coarser quantisation'])
    expect(heldSeries(title).within, title).toBeLessThan(10_000);
  expect(heldSeries('Finer quantisation').within).toBeUndefined();
  expect(() => heldSeries('Nothing of it')).toThrow('Nothing of it');
});
