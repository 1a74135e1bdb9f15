import { attributeNames } from './options.ts';
import { defineChat } from './element.ts';
import { useTexts } from '#language';
import { languageToLoad, type OtherLanguage } from './language.ts';
import type * as Markdown from './markdown.ts';

/** Names of the files beside this one; set by the build. */
declare const markdownFile: string;
declare const languageFiles: Readonly<Record<OtherLanguage, string>>;

/**
 * The script of `/widget.js`: makes `<tabloom-chat>`, and puts one into the page unless its tag says `data-mount="none"`. It is a
 * classic script, so that one tag with `data-…` is all that a site needs.
 */
const script = document.currentScript instanceof HTMLScriptElement ? document.currentScript : undefined;
const source = script?.src ? new URL(script.src) : undefined;

/** A classic script of another site has no base address; a module has, and no tag. */
function addressOf(name: string): string {
  const file = `./widget/${name}`;
  return source ? new URL(file, source).href : file;
}

const language = languageToLoad([script?.dataset['lang'], document.documentElement.lang]);
if (language === undefined) start();
else {
  // Where its texts cannot be had, the chat speaks English.
  const texts: Promise<{ readonly default: Parameters<typeof useTexts>[1] }> = import(
    /* @vite-ignore */ addressOf(languageFiles[language])
  );
  void texts
    .then((loaded) => useTexts(language, loaded.default))
    .catch(() => undefined)
    .then(start);
}

function start(): void {
  defineChat({
    relay: source?.origin,
    loadMarkdown: async () => {
      const markdown = (await import(/* @vite-ignore */ addressOf(markdownFile))) as typeof Markdown;
      return markdown.renderBlock;
    },
  });
  if (script && script.dataset['mount'] !== 'none') mount(script);
}

function mount(tag: HTMLScriptElement): void {
  const chat = document.createElement('tabloom-chat');
  for (const name of attributeNames) {
    const value = tag.getAttribute(`data-${name}`);
    if (value !== null) chat.setAttribute(name, value);
  }
  if (tag.dataset['shape'] === 'inline' && tag.parentElement !== document.head) tag.after(chat);
  else if (document.body) document.body.append(chat);
  else document.addEventListener('DOMContentLoaded', () => document.body.append(chat), { once: true });
}
