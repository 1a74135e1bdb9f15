import { attributeNames } from './options.ts';
import { defineChat } from './element.ts';
import type * as Markdown from './markdown.ts';

/** Name of the file beside this one; set by the build. */
declare const markdownFile: string;

/**
 * The script of `/widget.js`: makes `<tabloom-chat>`, and puts one into the page unless its tag says `data-mount="none"`. It is a
 * classic script, so that one tag with `data-…` is all that a site needs.
 */
const script = document.currentScript instanceof HTMLScriptElement ? document.currentScript : undefined;
const source = script?.src ? new URL(script.src) : undefined;

defineChat({
  relay: source?.origin,
  loadMarkdown: async () => {
    // A classic script of another site has no base address; a module has, and no tag.
    const file = `./widget/${markdownFile}`;
    const address = source ? new URL(file, source).href : file;
    const markdown = (await import(/* @vite-ignore */ address)) as typeof Markdown;
    return markdown.renderBlock;
  },
});

if (script && script.dataset['mount'] !== 'none') mount(script);

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
