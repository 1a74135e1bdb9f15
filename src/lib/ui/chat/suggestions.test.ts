import { expect, test } from 'vitest';
import { slashQuery } from './suggestions.ts';

test('prompts are looked for after a slash at the very beginning, on one line', () => {
  expect(slashQuery('/')).toBe('');
  expect(slashQuery('/ letter to ')).toBe('letter to');
  expect(slashQuery(' /letter')).toBeUndefined();
  expect(slashQuery('either/or')).toBeUndefined();
  expect(slashQuery('/letter\n')).toBeUndefined();
  expect(slashQuery(`/${'a'.repeat(61)}`)).toBeUndefined();
});
