import { expect, test } from 'vitest';
import { isComposing } from './composing.ts';

test('D4: Safari ends a composition by Enter with key code 229 and nothing else to tell it by', () => {
  expect(isComposing({ isComposing: false, keyCode: 229 })).toBe(true);
  expect(isComposing({ isComposing: true, keyCode: 13 })).toBe(true);
  expect(isComposing({ isComposing: false, keyCode: 13 })).toBe(false);
});
