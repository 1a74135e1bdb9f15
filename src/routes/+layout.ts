import { browser } from '$app/environment';
import { loadPart } from '#lib/base/part.ts';
import type { LayoutLoad } from './$types';

/** Every page is prerendered and hydrated, so the first paint needs no script. */
export const prerender = true;

/** The texts that a page shows come before it. English ones are in the page. */
export const load: LayoutLoad = async ({ route }) => {
  if (!browser || document.documentElement.lang === 'en') return;
  const part = route.id?.startsWith('/(chat)') ? 'first' : 'all';
  // Without them the page speaks English.
  await loadPart(() => import('#lib/ui/language/load-texts.ts'))
    .then(({ loadTexts }) => loadTexts(document.documentElement.lang, part))
    .catch(() => undefined);
};
