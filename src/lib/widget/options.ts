/** What a site sets: as attributes of `<tabloom-chat>`, or as `data-…` of the script. */
export interface Options {
  /** Origin of the relay, without a slash at the end; undefined where none is known. */
  readonly relay: string | undefined;
  readonly key: string | undefined;
  readonly model: string;
  /** The site's own endpoint, the last rung. */
  readonly endpoint: string | undefined;
  /** `whole`: all of a window of its own, as in a frame. */
  readonly shape: 'panel' | 'inline' | 'whole';
  readonly form: 'element' | 'frame';
  readonly heading: string | undefined;
  readonly greeting: string | undefined;
  readonly suggestions: readonly string[];
  /** CSS selector of what on the page the question may be about. */
  readonly context: string | undefined;
  readonly instructions: string | undefined;
  readonly maxTokens: number;
  /** Questions of one visitor a day; undefined for no limit of the widget's own. */
  readonly questionsPerDay: number | undefined;
  readonly theme: 'auto' | 'light' | 'dark';
  readonly placement: 'start' | 'end';
  /** Of the texts, such as `de`; undefined for that of the page. */
  readonly lang: string | undefined;
}

/** Every attribute, as it is written. With `data-` before it, it is one of the script. */
export const attributeNames = [
  'relay',
  'key',
  'api-key',
  'model',
  'endpoint',
  'shape',
  'form',
  'heading',
  'greeting',
  'suggestions',
  'context',
  'instructions',
  'max-tokens',
  'questions-per-day',
  'theme',
  'placement',
  'lang',
] as const;

export type AttributeName = (typeof attributeNames)[number];

export const optionLimits = { textLength: 2_000, suggestions: 6, suggestionLength: 120 } as const;

/**
 * What cannot be read is as if it were not there, since a chat with a typo is better than none; the page `/embed` says what is wrong.
 * @param base of relative addresses: the address of the page.
 * @param relay where the script came from.
 */
export function readOptions(
  read: (name: AttributeName) => string | null,
  { base, relay }: { readonly base: string; readonly relay: string | undefined },
): Options {
  const text = (name: AttributeName) => read(name)?.trim().slice(0, optionLimits.textLength) || undefined;
  // Frameworks keep `key` for themselves.
  const key = text('api-key') ?? text('key');
  const endpoint = webAddress(text('endpoint'), base);
  const named = webAddress(text('relay'), base);
  return {
    relay: named ? new URL(named).origin : relay,
    // Nothing but a publishable key is ever sent: a secret one in a page is a mistake.
    key: key && /^pk_[\w-]{1,200}$/.test(key) ? key : undefined,
    model: text('model') ?? 'auto',
    endpoint,
    shape: oneOf(text('shape'), ['panel', 'inline', 'whole']),
    form: oneOf(text('form'), ['element', 'frame']),
    heading: text('heading')?.slice(0, 80),
    greeting: text('greeting'),
    suggestions: (text('suggestions') ?? '')
      .split('|')
      .map((one) => one.trim().slice(0, optionLimits.suggestionLength))
      .filter(Boolean)
      .slice(0, optionLimits.suggestions),
    context: text('context'),
    instructions: text('instructions'),
    maxTokens: count(text('max-tokens'), 1, 8_192) ?? 600,
    questionsPerDay: count(text('questions-per-day'), 1, 10_000),
    theme: oneOf(text('theme'), ['auto', 'light', 'dark']),
    placement: oneOf(text('placement'), ['end', 'start']),
    lang: text('lang')?.slice(0, 35),
  };
}

function oneOf<T extends string>(text: string | undefined, [first, ...others]: readonly [T, ...T[]]): T {
  return others.find((other) => other === text) ?? first;
}

function count(text: string | undefined, min: number, max: number): number | undefined {
  if (text === undefined || !/^\d{1,6}$/.test(text)) return undefined;
  return Math.min(max, Math.max(min, Number(text)));
}

function webAddress(text: string | undefined, base: string): string | undefined {
  const url = text === undefined ? null : URL.parse(text, base);
  return url && /^https?:$/.test(url.protocol) && url.username === '' ? url.href : undefined;
}
