import { m } from '#messages';
import { h, icons } from './dom.ts';
import { attributeNames, type Options } from './options.ts';
import { widgetLanguage } from './language.ts';
import { iconButton, type Panel } from './panel.ts';

/** The address of the chat as a page of the relay's own, for an `<iframe>`. Without the heading, which may stand around it. */
export function frameAddress(relay: string, options: Options): string {
  const url = new URL('/frame', relay);
  const values: Partial<Record<(typeof attributeNames)[number], string | number | undefined>> = {
    'api-key': options.key,
    model: options.model === 'auto' ? undefined : options.model,
    greeting: options.greeting,
    suggestions: options.suggestions.join('|') || undefined,
    instructions: options.instructions,
    'max-tokens': options.maxTokens === 600 ? undefined : options.maxTokens,
    'questions-per-day': options.questionsPerDay,
    theme: options.theme === 'auto' ? undefined : options.theme,
    lang: options.lang ?? widgetLanguage(),
  };
  for (const [name, value] of Object.entries(values))
    if (value !== undefined) url.searchParams.set(name, String(value));
  return url.href;
}

/** A panel that holds the frame: the page around it sees neither questions nor answers. */
export function createFramePanel(options: Options, close: () => void): Panel {
  const title = h('p', { class: 'title', id: 'title', part: 'heading' }, options.heading ?? m.widget_heading());
  const header = h('div', { class: 'header', part: 'header' }, title);
  if (options.shape === 'panel') header.append(iconButton('plain', m.widget_close(), icons.close, close));
  const frame = h('iframe', {
    title: m.widget_frame(),
    part: 'frame',
    loading: 'lazy',
    ...(options.relay === undefined ? {} : { src: frameAddress(options.relay, options) }),
  });
  const element = h(
    'section',
    {
      class: 'panel',
      part: 'panel',
      id: 'panel',
      'aria-labelledby': 'title',
      ...(options.shape === 'panel' ? { role: 'dialog', 'aria-modal': 'true' } : { role: 'group' }),
    },
    header,
    frame,
  );
  return { element, input: frame as never, log: frame, device: frame, status: frame, update: () => undefined };
}
