import { m } from '#messages';
import type { ModelView } from '#lib/state/library.ts';

const domains: Readonly<Record<string, (() => string) | undefined>> = {
  chat: m.domain_chat,
  reasoning: m.domain_reasoning,
  code: m.domain_code,
  mathematics: m.domain_mathematics,
  tools: m.domain_tools,
  writing: m.domain_writing,
};

export const domainText = (domain: string): string => domains[domain]?.() ?? domain;

/** In the language of the page. */
export const languageName = (tag: string): string =>
  new Intl.DisplayNames([document.documentElement.lang || 'en'], { type: 'language' }).of(tag) ?? tag;

const languagesShown = 4;

/** `English, German, French and 5 more languages`; empty where nobody says. */
export function languagesText({ languages }: Pick<ModelView, 'languages'>): string {
  const shown = languages.slice(0, languagesShown).map(languageName).join(', ');
  const more = languages.length - languagesShown;
  return more > 0 ? m.model_languages({ languages: shown, count: more }) : shown;
}
