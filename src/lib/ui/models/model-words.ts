import { m } from '#messages';
import { locale } from '#language';
import type { ModelView } from '#lib/state/library.ts';
import type { ServedModelView } from '#lib/state/network.ts';
import { joinFacts } from '../format.ts';
import { peerName } from '../peer-colour.ts';

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

/** Who checked a model that is served, or that nobody has. */
export function listingText({ listed, listings }: ServedModelView): string {
  if (!listed) return m.model_unchecked();
  const signed = listings.map(({ by, until }) =>
    m.model_listed_by({
      peer: peerName(by),
      date: new Date(until).toLocaleDateString(locale(), { dateStyle: 'medium' }),
    }),
  );
  return joinFacts(signed) || m.model_catalogued();
}
