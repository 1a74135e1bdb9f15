import { locale } from '#language';

const known = ['de', 'es', 'zh-Hans', 'ar'] as const;

export type OtherLanguage = (typeof known)[number];

/**
 * The language that the texts have to be loaded for; undefined if English will do, which the script carries.
 * @param wanted what the site names, most wanted first: of its tag, then of its page.
 */
export function languageToLoad(wanted: readonly (string | null | undefined)[]): OtherLanguage | undefined {
  const base = wanted
    .find((tag) => tag?.trim())
    ?.trim()
    .toLowerCase()
    .split('-')[0];
  return known.find((language) => language.split('-')[0] === base);
}

/** Language of the texts in use, as an address or an attribute names it; undefined for English. */
export const widgetLanguage = (): string | undefined => (locale() === 'en' ? undefined : locale().split('-u-')[0]);

/** The attributes of what holds the texts where they are not as the page around them is taken to be. */
export function writing(): Readonly<Record<string, string>> {
  const lang = widgetLanguage();
  if (lang === undefined) return {};
  return lang === 'ar' ? { lang, dir: 'rtl' } : { lang };
}
