import { useTexts } from '#language';
import { afterEach, expect, test } from 'vitest';
import { languageToLoad, widgetLanguage, writing } from './language.ts';

afterEach(() => useTexts('en', {}));

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

test('texts of another language are marked as such, and those from right to left turn the chat round', () => {
  expect([widgetLanguage(), writing()]).toEqual([undefined, {}]);
  useTexts('de', {});
  expect([widgetLanguage(), writing()]).toEqual(['de', { lang: 'de' }]);
  useTexts('ar', {});
  expect([widgetLanguage(), writing()]).toEqual(['ar', { lang: 'ar', dir: 'rtl' }]);
});
