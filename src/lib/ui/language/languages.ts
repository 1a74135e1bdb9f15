/** The languages of the interface, each by its own name. `static/before-paint.js` knows the same ones. */
export const languages = {
  en: 'English',
  de: 'Deutsch',
  es: 'Español',
  'zh-Hans': '简体中文',
  ar: 'العربية',
} as const;

export type Language = keyof typeof languages;

const key = 'tabloom-language';

export const isLanguage = (text: string | null): text is Language => text !== null && Object.hasOwn(languages, text);

/** The language chosen on this device; `system` if none was. `storage` returns the browser's storage; accessing it may throw. */
export function readLanguage(storage: () => Pick<Storage, 'getItem'>): Language | 'system' {
  try {
    const chosen = storage().getItem(key);
    return isLanguage(chosen) ? chosen : 'system';
  } catch {
    return 'system';
  }
}

/** @returns whether the browser has saved it; without that a reload would bring the old language back. */
export function saveLanguage(
  language: Language | 'system',
  storage: () => Pick<Storage, 'setItem' | 'removeItem'>,
): boolean {
  try {
    if (language === 'system') storage().removeItem(key);
    else storage().setItem(key, language);
    return true;
  } catch {
    return false;
  }
}
