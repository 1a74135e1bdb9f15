import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';

const script = readFileSync(fileURLToPath(new URL('../static/before-paint.js', import.meta.url)), 'utf8');

interface Field {
  readonly type: string;
  value: string;
  checked: boolean;
  isConnected: boolean;
  dispatchEvent(event: { readonly type: string }): void;
}

/** A page that does not run yet, with what it hears and what its fields are told once it does. */
function openPage() {
  const listeners = new Map<string, ((event: unknown) => void)[]>();
  const told: string[] = [];
  const scope: Record<string, unknown> = {
    document: { documentElement: { lang: 'en', dir: '', dataset: {} } },
    localStorage: { getItem: () => null },
    navigator: { languages: ['en'] },
    location: { pathname: '/', search: '' },
    URLSearchParams,
    setTimeout: () => 0,
    Event,
    addEventListener: (type: string, listener: (event: unknown) => void) =>
      listeners.set(type, [...(listeners.get(type) ?? []), listener]),
    removeEventListener: (type: string, listener: (event: unknown) => void) =>
      listeners.set(
        type,
        (listeners.get(type) ?? []).filter((one) => one !== listener),
      ),
  };
  runInNewContext(script, scope);
  const say = (type: string, event: object = {}) => {
    for (const listener of listeners.get(type) ?? []) listener({ type, ...event });
  };
  const field = (type: string, value: string, checked = false): Field => {
    const made: Field = {
      type,
      value,
      checked,
      isConnected: true,
      dispatchEvent: (event) => void told.push(`${event.type}: ${made.value}${made.checked ? ' checked' : ''}`),
    };
    return made;
  };
  const heard = () => [...listeners].flatMap(([type, all]) => (all.length > 0 ? [type] : [])).toSorted();
  return { scope, say, told, field, heard };
}

test('what is chosen and typed before the page runs is told to it when it does', () => {
  const { say, told, field, heard } = openPage();
  const select = field('select-one', 'code');
  say('change', { target: select });
  const text = field('text', 'qw');
  say('input', { target: text });
  text.value = 'qwen';
  say('input', { target: text });
  const radio = field('radio', 'dark', true);
  say('change', { target: radio });
  // The page begins with what it knows.
  select.value = '';
  text.value = '';
  radio.checked = false;
  say('tabloom-runs');
  expect(told).toEqual([
    'input: code',
    'change: code',
    'input: qwen',
    'change: qwen',
    'input: dark checked',
    'change: dark checked',
  ]);
  // From now on the page hears it itself.
  expect(heard()).toEqual(['beforeinstallprompt', 'tabloom-runs']);
});

test('a field that is gone by then is told nothing, and no file is put anywhere', () => {
  const { say, told, field } = openPage();
  const gone = field('text', 'lost');
  const file = field('file', 'C:\\fakepath\\a.txt');
  say('input', { target: gone });
  say('change', { target: file });
  gone.isConnected = false;
  Object.defineProperty(file, 'value', {
    get: () => 'a.txt',
    set: () => {
      throw new Error('a page cannot choose files');
    },
  });
  say('tabloom-runs');
  expect(told).toEqual(['input: a.txt', 'change: a.txt']);
});

test('an offer to install waits for whoever asks for it', () => {
  const { say, scope } = openPage();
  let prevented = 0;
  say('beforeinstallprompt', { preventDefault: () => (prevented += 1) });
  expect([prevented, (scope['tabloomInstall'] as { type: string }).type]).toEqual([1, 'beforeinstallprompt']);
});
