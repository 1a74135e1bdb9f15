import { expect, test } from 'vitest';
import { isComposing } from './composing.ts';

test('D4: in Safari only key code 229 tells that Enter ends a composition', () => {
  expect(isComposing({ isComposing: false, keyCode: 229 })).toBe(true);
  expect(isComposing({ isComposing: true, keyCode: 13 })).toBe(true);
  expect(isComposing({ isComposing: false, keyCode: 13 })).toBe(false);
});
