import { m } from '#messages';
import { formatBytes } from '#lib/ui/sizes.ts';
import { loadOf } from '#lib/state/load-of.ts';
import type { Tab } from '#lib/state/tab.ts';
import { tabRung } from './device-rung.ts';
import { h } from './dom.ts';
import { findLanguageModel, promptRung } from './prompt-rung.ts';
import { widgetLanguage } from './language.ts';
import type { DeviceRung } from './rungs.ts';

export interface OfferParts {
  readonly place: HTMLElement;
  /** Starts the tab behind this page; nothing of it is loaded before. */
  readonly createTab: () => Promise<Tab>;
  readonly use: (rung: DeviceRung) => void;
}

/**
 * Offers the visitor to be answered on this device. The tab is started by a first press, a model is downloaded by a second one
 * that names its size, and nothing here can share the device with others.
 */
export function offerDevice({ place, createTab, use }: OfferParts): void {
  const begin = button(m.widget_device_offer(), () => void start());
  const own = findLanguageModel(globalThis);
  // As promised, until the visitor takes it back.
  const box = h('input', { type: 'checkbox' });
  box.checked = true;
  const promise = h('label', {}, box, ' ', m.widget_device_alone());
  show(h('p', {}, m.widget_device_why()), begin);
  if (own) void offerOwn(own);

  function show(...nodes: readonly (Node | string)[]): void {
    place.hidden = false;
    place.replaceChildren(...nodes);
  }

  async function offerOwn(model: NonNullable<typeof own>): Promise<void> {
    if ((await model.availability().catch(() => 'unavailable')) === 'unavailable') return;
    const agree = button(m.widget_device_own(), () => {
      use(promptRung(model, () => box.checked));
      show(h('p', {}, m.widget_device_own_used()), promise);
    });
    begin.after(' ', agree);
  }

  async function start(): Promise<void> {
    begin.disabled = true;
    show(m.widget_device_starting());
    try {
      const tab = await createTab();
      await tab.library.refresh();
      offerModel(tab);
    } catch (error) {
      fail(error, start);
    }
  }

  function offerModel(tab: Tab): void {
    const fitting = tab.library.view.current.models.filter(({ fit }) => fit.fits);
    // What is here already, else what is smallest: the visitor came for an answer.
    const missing = ({ missingBytes, sizeBytes }: (typeof fitting)[number]) => missingBytes ?? sizeBytes ?? Infinity;
    const model = fitting.toSorted((a, b) => missing(a) - missing(b))[0];
    if (!model) return show(m.widget_device_none());
    const size = formatBytes(model.missingBytes ?? model.sizeBytes ?? 0);
    const load = button(m.widget_device_load({ model: model.title, size }), () => void loadModel(tab, model.name));
    show(h('p', {}, m.widget_device_load_why()), load);
    load.focus();
  }

  async function loadModel(tab: Tab, name: string): Promise<void> {
    const bar = h('progress', { max: '1', 'aria-label': m.widget_device_loading() });
    show(
      h('p', {}, m.widget_device_loading()),
      bar,
      button(m.cancel(), () => tab.library.cancelLoad(name)),
    );
    const end = tab.library.view.listen((library) => {
      const load = loadOf(library, name);
      if (load && load.totalBytes > 0) bar.value = load.loadedBytes / load.totalBytes;
    });
    try {
      await tab.library.load(name);
      use(tabRung(tab, () => box.checked));
      show(h('p', {}, m.widget_device_used()), promise);
    } catch (error) {
      fail(error, () => Promise.resolve(offerModel(tab)));
    } finally {
      end();
    }
  }

  function fail(error: unknown, again: () => Promise<void>): void {
    // Errors speak English, and the widget carries no sentences of theirs in other languages.
    const message = error instanceof Error && widgetLanguage() === undefined ? error.message : m.widget_device_failed();
    show(
      h('p', { role: 'alert' }, message),
      button(m.retry(), () => void again()),
    );
  }
}

function button(text: string, press: () => void): HTMLButtonElement {
  const made = h('button', { type: 'button' }, text);
  made.addEventListener('click', press);
  return made;
}
