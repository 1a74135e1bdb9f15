import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { payErrors } from '#lib/pay/errors.ts';
import { wireErrors } from '#lib/protocol/errors.ts';

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

type Catalogue = Readonly<Record<string, string | readonly { readonly match: Readonly<Record<string, string>> }[]>>;
const catalogue = (language: string): Catalogue => {
  const { $schema: _, ...texts } = JSON.parse(read(`messages/${language}.json`)) as Catalogue;
  return texts;
};
const variants = (text: Catalogue[string] | undefined): readonly string[] =>
  text === undefined ? [] : typeof text === 'string' ? [text] : Object.values(text[0]!.match);
const inputs = (text: string) => [...new Set([...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!))].toSorted();
const { locales } = JSON.parse(read('messages/project.inlang/settings.json')) as {
  readonly locales: readonly string[];
};

test.each(locales.filter((language) => language !== 'en'))('%s says everything that English says', (language) => {
  const english = catalogue('en');
  const own = catalogue(language);
  // Until it is translated, a text is shown in English.
  expect(Object.keys(english).filter((key) => !(key in own))).toEqual([]);
  expect(Object.keys(own).filter((key) => !(key in english))).toEqual([]);
  expect(Object.keys(own).filter((key) => variants(own[key]).some((text) => text.trim() === ''))).toEqual([]);

  const categories = new Intl.PluralRules(language).resolvedOptions().pluralCategories.map((one) => `plural=${one}`);
  for (const [key, text] of Object.entries(english)) {
    const translated = own[key];
    if (typeof text === 'string') {
      expect([key, inputs(variants(translated).join(' '))]).toEqual([key, inputs(text)]);
      continue;
    }
    const match = typeof translated === 'string' ? {} : (translated?.[0]?.match ?? {});
    expect([key, Object.keys(match).toSorted()]).toEqual([key, categories.toSorted()]);
    // A number may be spoken as a word, but what else is put in stands in the text, whatever the number.
    const known = inputs(variants(text).join(' '));
    const counted = new Set(['n', 'payers']);
    for (const variant of Object.values(match)) {
      const named = inputs(variant);
      expect([key, named.filter((name) => !known.includes(name))]).toEqual([key, []]);
      expect([key, known.filter((name) => !counted.has(name) && !named.includes(name))]).toEqual([key, []]);
    }
    expect([key, inputs(match['plural=other']!)]).toEqual([key, known]);
  }
});

test('sentences of the rooms below the pages are translated as they are said', () => {
  const rooms = ['base', 'boot', 'engine', 'net', 'pay', 'peer', 'protocol', 'state', 'storage'];
  // Of a relay: what the Wallet and the Keys page are refused with.
  const folders = [
    ...rooms.map((room) => `src/lib/${room}`),
    'workers',
    'relay/chain',
    'relay/gateway',
    'relay/ledger',
  ];
  const sources = folders.flatMap((folder) => below(folder, /\.ts$/));
  const code = sources.map((path) => read(path).replaceAll(/\$\{[^}]*\}/g, '{}')).join('\n');
  const sentences = JSON.parse(read('messages/sentences.json')) as Readonly<
    Record<string, Readonly<Record<string, string>>>
  >;
  const others = locales.filter((language) => language !== 'en').toSorted();
  for (const [english, translated] of Object.entries(sentences)) {
    expect([english, code.includes(english.replaceAll(/\{\w+\}/g, '{}'))]).toEqual([english, true]);
    expect([english, Object.keys(translated).toSorted()]).toEqual([english, others]);
    for (const text of Object.values(translated)) expect([english, inputs(text)]).toEqual([english, inputs(english)]);
  }
});

/** What only a chain's operators, validators and providers on servers meet: no page does. */
const codesOfNoPage = new Set(
  (
    'bad-time bad-deposit bad-call bad-terms session-only job-only deadline-passed final-amount-out-of-range wrong-channel ' +
    'bad-signature voucher-regress exposure-too-large batch-empty batch-too-long bad-fee order-mismatch order-repeats ' +
    'order-superseded order-too-long order-unprofitable contract-signer wrong-relay token-unsupported stake-too-small ' +
    'stake-locked nothing-unbonding unbonding-not-over offer-key-missing court-closed dispute-missing penalty-out-of-range ' +
    'receipt-hash-missing receipt-decided answer-missing not-provider wrong-phase window-over window-open wrong-round ' +
    'verdict-missing already-voted not-validator validator-too-new validator-is-party not-allowed range-too-long'
  ).split(' '),
);

test('what a question fails with is said in every language', () => {
  const sentences = JSON.parse(read('messages/sentences.json')) as object;
  const english = Object.values(wireErrors).filter(({ message }) => !Object.hasOwn(sentences, message));
  expect(english).toEqual([]);
});

test('no page shows a message of an error as it came', () => {
  const found = pages
    .filter((path) => path.endsWith('.svelte'))
    .flatMap((path) =>
      read(path)
        .split('\n')
        .flatMap((line) => (/\.message\b/.test(line) ? [`${path}: ${line.trim()}`] : [])),
    );
  expect(found.filter((line) => !line.includes('inLanguage('))).toEqual([]);
});

test('what a wallet fails with is said in every language', () => {
  const sentences = JSON.parse(read('messages/sentences.json')) as object;
  const english = Object.entries(payErrors).filter(([, message]) => !Object.hasOwn(sentences, message));
  expect(english.map(([code]) => code).filter((code) => !codesOfNoPage.has(code))).toEqual([]);
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

test('no text is made while a module loads, before those of another language have come', () => {
  const found = pages.flatMap((path) => {
    const module = path.endsWith('.svelte')
      ? (/<script[^>]*\bmodule\b[^>]*>([\s\S]*?)<\/script>/.exec(read(path))?.[1] ?? '')
      : read(path);
    const file = ts.createSourceFile(path, module, ts.ScriptTarget.Latest, true);
    return callsAtOnce(file).map((call) => `${path}: ${call}`);
  });
  expect(found).toEqual([]);
});

/** Calls of messages that are no part of a function. */
function callsAtOnce(node: ts.Node): readonly string[] {
  if (ts.isFunctionLike(node)) return [];
  const own = ts.isCallExpression(node) && /^m\.\w+$/.test(node.expression.getText()) ? [node.getText()] : [];
  const inner: string[] = [];
  node.forEachChild((child) => void inner.push(...callsAtOnce(child)));
  return [...own, ...inner];
}

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
