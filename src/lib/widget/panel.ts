import { m } from '#messages';
import { h, icon, icons } from './dom.ts';
import type { Options } from './options.ts';

/** What the visitor does. */
export interface PanelActions {
  readonly send: (text: string) => void;
  readonly stop: () => void;
  readonly clear: () => void;
  readonly close: () => void;
  readonly draft: (text: string) => void;
}

export interface Panel {
  readonly element: HTMLElement;
  readonly input: HTMLTextAreaElement;
  readonly log: HTMLElement;
  readonly device: HTMLElement;
  /** Polite live region. */
  readonly status: HTMLElement;
  /** Shows whether an answer is running, and whether there is a conversation to clear. */
  update(state: { readonly busy: boolean; readonly empty: boolean }): void;
}

/** The conversation with its header, its box to write in, and what is said of it. */
export function createPanel(options: Options, actions: PanelActions): Panel {
  const { send, stop, clear, close, draft } = actions;
  const modal = options.shape === 'panel';
  const heading = h('p', { class: 'title', id: 'title', part: 'heading' }, options.heading ?? m.widget_heading());
  const fresh = iconButton('plain', m.widget_new(), icons.fresh, clear);
  // Alone in a frame, the page around it has a heading of its own, unless the site sets one here.
  const bare = options.shape === 'whole' && options.heading === undefined;
  const header = h('div', { class: bare ? 'header bare' : 'header', part: 'header' }, heading, fresh);
  if (modal) header.append(iconButton('plain', m.widget_close(), icons.close, close));

  const log = h('div', {
    class: 'log',
    part: 'log',
    role: 'log',
    'aria-live': 'off',
    'aria-label': m.widget_log(),
    tabindex: '0',
  });
  const device = h('div', { class: 'device', part: 'device', hidden: '' });
  const input = h('textarea', {
    part: 'input',
    rows: '1',
    dir: 'auto',
    maxlength: '8000',
    'aria-label': m.widget_message(),
    placeholder: m.widget_placeholder(),
  });
  const button = h('button', { class: 'send', part: 'send', type: 'submit' });
  const form = h('form', { class: 'composer', part: 'composer' }, input, button);
  const status = h('p', { class: 'sr', role: 'status' });
  let busy = false;

  const submit = (event: Event) => {
    event.preventDefault();
    if (busy) return event.type === 'submit' ? stop() : undefined;
    if (input.value.trim() === '') return input.focus();
    const text = input.value;
    input.value = '';
    draft('');
    send(text);
    input.focus();
  };
  form.addEventListener('submit', submit);
  input.addEventListener('input', () => {
    draft(input.value);
    showButton();
  });
  input.addEventListener('keydown', (event) => {
    // While an input method composes, Enter belongs to it.
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) submit(event);
  });

  function showButton(): void {
    const label = busy ? m.widget_stop() : m.widget_send();
    if (button.getAttribute('aria-label') !== label) {
      button.setAttribute('aria-label', label);
      button.replaceChildren(icon(busy ? icons.stop : icons.send));
    }
    button.setAttribute('aria-disabled', String(!busy && input.value.trim() === ''));
  }

  return {
    element: h(
      'section',
      modal
        ? {
            class: 'panel',
            part: 'panel',
            role: 'dialog',
            'aria-modal': 'true',
            'aria-labelledby': 'title',
            id: 'panel',
          }
        : { class: 'panel', part: 'panel', role: 'group', 'aria-labelledby': 'title', id: 'panel' },
      header,
      log,
      device,
      form,
      foot(options),
      status,
    ),
    input,
    log,
    device,
    status,
    update(state) {
      busy = state.busy;
      fresh.hidden = state.empty;
      header.hidden = bare && state.empty;
      showButton();
    },
  };
}

export function iconButton(name: string, label: string, path: string, press: () => void): HTMLButtonElement {
  const button = h('button', { class: name, type: 'button', 'aria-label': label, title: label }, icon(path));
  button.addEventListener('click', press);
  return button;
}

/** Sharing happens in a window of the relay's own: this page owns everything here, and could press any button by itself. */
function foot({ relay }: Options): HTMLElement {
  const share =
    relay === undefined
      ? undefined
      : h('a', { href: `${relay}/share`, target: '_blank', rel: 'noopener noreferrer' }, m.widget_share());
  return h('p', { class: 'foot', part: 'foot' }, m.widget_open_tier(), ' ', share);
}
