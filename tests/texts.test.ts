import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string) => readFileSync(`${root}/${path}`, 'utf8');
const below = (folder: string, ending: RegExp) =>
  readdirSync(`${root}/${folder}`, { recursive: true, encoding: 'utf8' })
    .filter((name) => ending.test(name) && !name.endsWith('.test.ts'))
    .map((name) => `${folder}/${name}`);

const pages = ['src/lib/ui', 'src/routes', 'src/lib/state', 'src/lib/boot', 'src/lib/widget'].flatMap((folder) =>
  below(folder, /\.(ts|svelte)$/),
);
const documents = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'SECURITY.md',
  'relay/terminal.ts',
  'messages/en.json',
  ...below('docs', /^[^/]*\.md$/),
];

/** Sentences that read as translated, and words for an act that has another one: sharing. */
const retired = [
  'nothing is asked of you',
  'Somebody’s open tab',
  "Somebody's open tab",
  'you can write already',
  'stands in the directory for everyone',
  'Begin again when this page opens',
  'Goes on by itself when',
  'They hold on this device only',
  'One in a line',
  'is the same answer every time',
  'Workers that favour those who serve',
  'as this tab hears it',
  'upright thread',
  'one stop more',
  'Kept under pressure',
  'This conversation is not kept',
  'A newer version is here',
  'Nothing is called that',
  'It was tried already',
  'Look: as the system',
  'a native engine on its processor',
  'before anything came',
  'Nobody is serving',
  'Lend this device',
  'Lending this device',
  'Empty shelves',
];

test('no sentence that was retired comes back', () => {
  const found = [...pages, ...documents].flatMap((path) => {
    const text = read(path);
    return retired.filter((sentence) => text.includes(sentence)).map((sentence) => `${path}: ${sentence}`);
  });
  expect(found).toEqual([]);
});

test('every text of the catalogue is shown somewhere, and every text of the pages is in the catalogue', () => {
  const keys = Object.keys(JSON.parse(read('messages/en.json')) as Record<string, unknown>).filter(
    (key) => key !== '$schema',
  );
  const used = new Set(
    pages.flatMap((path) => [...read(path).matchAll(/\bm\.([a-z][a-z0-9_]*)\b/g)].map(([, key]) => key!)),
  );
  expect(keys.filter((key) => !used.has(key))).toEqual([]);
  expect(keys.length).toBeGreaterThan(300);
  expect(pages.filter((path) => path.endsWith('.svelte')).flatMap(bareTexts)).toEqual([]);
});

/** Words between tags, or in an attribute that is read aloud, which do not come from the catalogue. */
function bareTexts(path: string): readonly string[] {
  const markup = read(path)
    .replace(/<script[\s\S]*?<\/script>|<style[\s\S]*?<\/style>|<!--[\s\S]*?-->/g, '')
    .replace(/=>/g, '');
  const attributes = markup.matchAll(
    /\b(?:aria-label|title|placeholder|label|note|lead|alt)="([^"{]*[A-Za-z]{2}[^"]*)"/g,
  );
  const texts = markup.matchAll(/>([^<>{}]*[A-Za-z]{3}[^<>{}]*)</g);
  return [...attributes, ...texts]
    .filter(([, text]) => !text!.startsWith('https://'))
    .map(([, text]) => `${path}: ${text!.trim()}`);
}
