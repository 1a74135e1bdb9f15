import type { Load } from '@sveltejs/kit';
import { browser } from '$app/environment';
import { loadPart } from '#lib/base/part.ts';
import { locale } from '#language';

/** Every page is prerendered and hydrated, so the first paint needs no script. */
export const prerender = true;

/** The texts that a page shows come before it. English ones are in the page. */
export const load: Load = async ({ route }) => {
  if (!browser || document.documentElement.lang === 'en') return;
  const part = route.id?.startsWith('/(chat)') ? 'first' : 'all';
  await loadPart(() => import('#lib/ui/language/load-texts.ts'))
    .then(({ loadTexts }) => loadTexts(document.documentElement.lang, part))
    .catch(speakEnglish);
};

/** Without any texts of the chosen language, which may never have been stored for offline use, the page is English, from left to right. */
function speakEnglish(): void {
  if (locale() !== 'en') return;
  document.documentElement.lang = 'en';
  document.documentElement.removeAttribute('dir');
}
