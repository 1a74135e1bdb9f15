import { readFileSync } from 'node:fs';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { languages, readLanguage, saveLanguage } from './languages.ts';

const script = readFileSync(new URL('../../../../static/before-paint.js', import.meta.url), 'utf8');

interface Visit {
  readonly chosen?: string;
  readonly system?: readonly string[];
  readonly address?: string;
}

/** What the script makes of the page before its first paint. */
function paint({ chosen, system = [], address = 'https://tabloom.example/' }: Visit) {
  const root = { lang: 'en', dir: '', dataset: {} as Record<string, string> };
  const url = new URL(address);
  runInNewContext(script, {
    document: { documentElement: root },
    localStorage: { getItem: (key: string) => (key === 'tabloom-language' ? (chosen ?? null) : null) },
    navigator: { languages: system },
    location: { pathname: url.pathname, search: url.search },
    URLSearchParams,
    setTimeout: () => 0,
    addEventListener: () => undefined,
  });
  return [root.lang, root.dir, 'waiting' in root.dataset];
}

test('the first language of the browser that the interface speaks', () => {
  expect(paint({ system: ['fr-FR', 'de-AT', 'en'] })).toEqual(['de', '', true]);
  expect(paint({ system: ['zh-CN'] })).toEqual(['zh-Hans', '', true]);
  expect(paint({ system: ['ar-EG'] })).toEqual(['ar', 'rtl', true]);
  expect(paint({ system: ['en-GB', 'de'] })).toEqual(['en', '', false]);
  expect(paint({ system: ['fr'] })).toEqual(['en', '', false]);
});

test('a choice wins over the browser, and every language can be chosen', () => {
  expect(paint({ chosen: 'en', system: ['de'] })).toEqual(['en', '', false]);
  for (const language of Object.keys(languages)) expect(paint({ chosen: language })[0]).toBe(language);
  expect(paint({ chosen: 'xx', system: ['es'] })[0]).toBe('es');
});

test('a frame of another site speaks the language that the site names; no other page does', () => {
  expect(paint({ address: 'https://tabloom.example/frame?lang=es', system: ['de'] })[0]).toBe('es');
  expect(paint({ address: 'https://tabloom.example/?lang=es', system: ['de'] })[0]).toBe('de');
});

test('a choice is kept and read back; where nothing is stored, the browser decides', () => {
  const kept = new Map<string, string>();
  const storage = () => ({
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  });
  expect(readLanguage(storage)).toBe('system');
  expect(saveLanguage('ar', storage)).toBe(true);
  expect(readLanguage(storage)).toBe('ar');
  expect(saveLanguage('system', storage)).toBe(true);
  expect(readLanguage(storage)).toBe('system');
  const closed = () => {
    throw new Error('closed');
  };
  expect([readLanguage(closed), saveLanguage('de', closed)]).toEqual(['system', false]);
});
