import { m } from '#messages';
import { createChat, type Chat } from './chat.ts';
import { h, icons } from './dom.ts';
import { trapFocus } from './focus-trap.ts';
import { createFramePanel } from './frame-panel.ts';
import { attributeNames, readOptions, type AttributeName, type Options } from './options.ts';
import { writing } from './language.ts';
import { iconButton, type Panel } from './panel.ts';
import { createRungs, type DeviceRung } from './rungs.ts';
import { createDailyCount, createStore } from './store.ts';
import { styleText } from './style.ts';
import type { SiteTool } from './tools.ts';
import type { RenderBlock } from './turn-view.ts';

export interface ElementComponents {
  /** Where the script came from. */
  readonly relay: string | undefined;
  readonly loadMarkdown: () => Promise<NonNullable<RenderBlock>>;
}

/** The element, as a page of the app sees it. */
export interface ChatElement extends HTMLElement {
  readonly panel: Panel | undefined;
  device: DeviceRung | undefined;
}

/** A property that the page set before the script had come. */
const ownBefore = <T>(element: HTMLElement, name: string): T | undefined =>
  Object.getOwnPropertyDescriptor(element, name)?.value as T | undefined;

/** Outlives a page of the site, and is read again on the next. */
const storeKey = 'tabloom-chat';

/**
 * Makes `<tabloom-chat>`. Twice is once: a second script on the page changes nothing.
 */
export function defineChat({ relay, loadMarkdown }: ElementComponents): void {
  if (customElements.get('tabloom-chat')) return;

  class TabloomChat extends HTMLElement implements ChatElement {
    static readonly observedAttributes = [...attributeNames];
    /** Functions of the site that a model may call. */
    tools: readonly SiteTool[] = ownBefore(this, 'tools') ?? [];
    /** Set by the frame's own page, and by no other. */
    device: DeviceRung | undefined;
    readonly #root = this.attachShadow({ mode: 'open' });
    #chat: Chat | undefined;
    #panel: Panel | undefined;
    #launcher: HTMLButtonElement | undefined;
    #stale = false;
    /** Keeps whether the panel is open, and of the element's own form the conversation. */
    #keepOpen: (open: boolean) => void = () => undefined;
    #frame = h('div', { class: 'root' });
    #options: Options = this.#read();

    connectedCallback(): void {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(styleText);
      this.#root.adoptedStyleSheets = [sheet];
      if (!this.#panel) this.#build();
    }

    disconnectedCallback(): void {
      this.#chat?.stop();
    }

    attributeChangedCallback(): void {
      this.#options = this.#read();
      if (!this.#panel || this.#stale) return;
      // Several attributes set in a row build it once.
      this.#stale = true;
      queueMicrotask(() => {
        this.#stale = false;
        if (this.isConnected) this.#build();
      });
    }

    /** For the frame's own page, which offers the visitor's device there. */
    get panel(): Panel | undefined {
      return this.#panel;
    }

    get isOpen(): boolean {
      return this.#options.shape !== 'panel' || this.#panel?.element.hidden === false;
    }

    open(): void {
      this.#show(true);
    }

    close(): void {
      this.#show(false);
    }

    toggle(): void {
      if (this.isOpen) this.close();
      else this.open();
    }

    /** Asks in the name of the visitor; resolves when the answer has ended in any way. */
    async ask(text: string): Promise<void> {
      if (!this.isOpen) this.open();
      await this.#chat?.ask(text);
    }

    stop(): void {
      this.#chat?.stop();
    }

    clear(): void {
      this.#chat?.clear();
    }

    #build(): void {
      const focused = this.#root.activeElement !== null;
      this.#chat?.stop();
      this.#options = this.#read();
      const { shape, placement, theme, form } = this.#options;
      const id = this.id === '' ? storeKey : `${storeKey}-${this.id}`;
      const store = createStore(id, () => sessionStorage);
      this.#chat =
        form === 'frame'
          ? undefined
          : createChat({
              options: () => this.#options,
              store,
              rungs: createRungs({
                options: () => this.#options,
                device: () => this.device,
                now: Date.now,
                fetch: (...input) => fetch(...input),
                timeout: AbortSignal.timeout,
              }),
              count: createDailyCount(`${id}-day`, () => localStorage, Date.now),
              page: document,
              tools: () => this.tools,
              timeout: AbortSignal.timeout,
              soon: (draw) => void requestAnimationFrame(draw),
              loadMarkdown,
              emit: (name, detail) => this.#emit(name, detail),
              callTool: (detail) => this.#emit('tool', detail),
              onClose: () => this.close(),
            });
      const chat = this.#chat;
      const wasOpen = chat?.kept.open ?? store.read().open;
      this.#keepOpen = chat?.setOpen ?? ((open) => store.write({ open, draft: '', turns: [] }));
      this.#panel = chat?.panel ?? createFramePanel(this.#options, () => this.close());
      this.#frame = h('div', {
        class: `root ${shape === 'panel' ? 'floating' : shape} ${placement} ${theme}`,
        ...writing(),
      });
      this.#frame.append(this.#panel.element);
      this.#root.replaceChildren(this.#frame);
      if (shape !== 'panel') return;
      this.#launcher = iconButton('launcher', m.widget_open(), icons.chat, () => this.open());
      this.#launcher.setAttribute('part', 'launcher');
      this.#launcher.setAttribute('aria-haspopup', 'dialog');
      this.#frame.append(this.#launcher);
      this.#frame.addEventListener('keydown', (event) => this.#keydown(event));
      // As it was left, on this page or the one before, without taking the focus from it.
      this.#set(wasOpen);
      if (focused) (wasOpen ? this.#panel.input : this.#launcher).focus();
    }

    #set(open: boolean): void {
      if (!this.#panel || !this.#launcher) return;
      this.#panel.element.hidden = !open;
      this.#launcher.hidden = open;
      this.#frame.classList.toggle('open', open);
    }

    #show(open: boolean): void {
      const [panel, launcher] = [this.#panel, this.#launcher];
      if (!panel || !launcher || this.#options.shape !== 'panel' || panel.element.hidden !== open) return;
      this.#set(open);
      this.#keepOpen(open);
      (open ? panel.input : launcher).focus();
      this.#emit(open ? 'open' : 'close', undefined);
    }

    #keydown(event: KeyboardEvent): void {
      if (!this.#panel || this.#panel.element.hidden) return;
      // Escape that ends the composition of a word is not meant for the panel.
      if (event.key === 'Escape' && !event.isComposing) {
        event.stopPropagation();
        this.close();
      } else trapFocus(event, this.#panel.element, this.#root);
    }

    #read(): Options {
      const read = (name: AttributeName) => this.getAttribute(name);
      return readOptions(read, { base: document.baseURI, relay });
    }

    #emit(name: string, detail: unknown): void {
      this.dispatchEvent(new CustomEvent(`tabloom-${name}`, { detail, bubbles: true, composed: true }));
    }
  }

  customElements.define('tabloom-chat', TabloomChat);
}
