import type { Tab } from '#lib/state/tab.ts';
import { offerDevice } from './device-offer.ts';
import { defineChat, type ChatElement } from './element.ts';
import { attributeNames } from './options.ts';

/** What may be set from outside. Neither another relay nor an endpoint: this page of ours sends messages nowhere else. */
const settable = attributeNames.filter(
  (name) => !['relay', 'endpoint', 'shape', 'form', 'context', 'placement'].includes(name),
);

export interface FrameParts {
  readonly place: HTMLElement;
  /** The frame's own address. */
  readonly url: URL;
  readonly createTab: () => Promise<Tab>;
}

/** Fills a page of the relay's own with the chat, for an `<iframe>` of another site. */
export function mountFrame({ place, url, createTab }: FrameParts): void {
  defineWidget(url.origin);
  const chat = document.createElement('tabloom-chat') as ChatElement;
  for (const name of settable) {
    const value = url.searchParams.get(name);
    if (value !== null) chat.setAttribute(name, value);
  }
  chat.setAttribute('shape', 'whole');
  place.replaceChildren(chat);
  if (!chat.panel) return;
  offerDevice({ place: chat.panel.device, createTab, use: (rung) => (chat.device = rung) });
}

/** `<tabloom-chat>` in a page of the app. */
export const defineWidget = (relay: string): void =>
  defineChat({ relay, loadMarkdown: async () => (await import('./markdown.ts')).renderBlock });
