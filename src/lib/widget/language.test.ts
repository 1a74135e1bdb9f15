import { expect, test } from 'vitest';
import { languageToLoad } from './language.ts';

test('what the tag names wins over what the page names, whatever the region', () => {
  expect(languageToLoad(['de-AT', 'es'])).toBe('de');
  expect(languageToLoad([null, 'ES'])).toBe('es');
  expect(languageToLoad([undefined, 'zh-CN'])).toBe('zh-Hans');
  expect(languageToLoad(['', 'ar-EG'])).toBe('ar');
});

test('English and languages without texts need nothing loaded', () => {
  expect(languageToLoad(['en-GB', 'de'])).toBeUndefined();
  expect(languageToLoad(['fr'])).toBeUndefined();
  expect(languageToLoad([undefined, ''])).toBeUndefined();
});
