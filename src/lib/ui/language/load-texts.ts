import { awaitTexts, useSentences, useTexts } from '#language';
import { isLanguage, type Language } from './languages.ts';
import { sentenceTranslator } from './sentences.ts';

type Texts = Parameters<typeof useTexts>[1];
interface Parts {
  /** Of what the first page begins with, and of everything else. */
  readonly first: () => Promise<{ readonly default: Texts }>;
  readonly rest: () => Promise<{ readonly default: Texts }>;
  readonly sentences: () => Promise<{ readonly default: string[][] }>;
}

/** Kept apart by language and part, so that a visitor fetches one language, and for the first page its few texts only. */
const parts: Readonly<Record<Exclude<Language, 'en'>, Parts>> = {
  de: {
    first: () => import('#texts/de-first.js'),
    rest: () => import('#texts/de-rest.js'),
    sentences: () => import('#texts/de-sentences.js'),
  },
  es: {
    first: () => import('#texts/es-first.js'),
    rest: () => import('#texts/es-rest.js'),
    sentences: () => import('#texts/es-sentences.js'),
  },
  'zh-Hans': {
    first: () => import('#texts/zh-Hans-first.js'),
    rest: () => import('#texts/zh-Hans-rest.js'),
    sentences: () => import('#texts/zh-Hans-sentences.js'),
  },
  ar: {
    first: () => import('#texts/ar-first.js'),
    rest: () => import('#texts/ar-rest.js'),
    sentences: () => import('#texts/ar-sentences.js'),
  },
};

let loaded: { readonly language: string; readonly first: Promise<void>; readonly all: Promise<void> } | undefined;

/**
 * Resolves when the texts are in use: those of the first page, or all. The others follow by themselves, and what is loaded
 * later waits for them.
 * @throws if a file of texts cannot be fetched; a later call tries again.
 */
export async function loadTexts(language: string, part: 'first' | 'all'): Promise<void> {
  if (!isLanguage(language) || language === 'en') return;
  if (loaded?.language !== language) {
    const use = async (load: Parts['first']) => useTexts(language, (await load()).default);
    const first = use(parts[language].first);
    const sentences = parts[language].sentences().then(({ default: pairs }) => {
      useSentences(sentenceTranslator(pairs as [string, string][]));
    });
    const all = Promise.all([first, use(parts[language].rest), sentences]).then(() => undefined);
    loaded = { language, first, all };
    const settled = all.catch(() => (loaded = undefined)).then(() => undefined);
    awaitTexts(settled);
  }
  await loaded[part];
}
