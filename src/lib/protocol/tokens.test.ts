import { expect, test } from 'vitest';
import { estimateTokens, promptTexts } from './tokens.ts';

test('an estimate is whole, and rises from the least there can be to the most that is planned for', () => {
  const estimates = (['least', 'low', 'typical', 'high', 'highest'] as const).map((bias) => estimateTokens(97, bias));
  expect(estimates).toEqual([4, 17, 25, 33, 49]);
  expect(estimateTokens(0, 'typical')).toBe(0);
});

test('the texts of a message leave its files out', () => {
  const file = { type: 'blob', mime: 'image/png', sha256: 'a'.repeat(64), sizeBytes: 3 } as const;
  expect(promptTexts({ content: 'one' })).toEqual(['one']);
  expect(promptTexts({ content: [{ type: 'text', text: 'one' }, file, { type: 'text', text: 'two' }] })).toEqual([
    'one',
    'two',
  ]);
  expect(promptTexts({ content: [file] })).toEqual([]);
});
