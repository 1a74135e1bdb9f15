import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const src = fileURLToPath(new URL('../src', import.meta.url));
const read = (path: string) => readFileSync(path, 'utf8');
const components = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.svelte'))
    .map((name) => join(folder, name));

const toPath = (from: string, name: string) =>
  name.startsWith('#lib/') ? join(src, 'lib', name.slice(5)) : resolve(dirname(from), name);

/** What a file imports at once. */
const importsOf = (path: string) =>
  [...read(path).matchAll(/^\s*(?:import|export)\b[^;()]*?'([^']+\.(?:svelte|ts|css))';/gms)].map(([, name]) =>
    toPath(path, name!),
  );

/** Everything that these files bring along at once. */
function closure(paths: readonly string[]): ReadonlySet<string> {
  const found = new Set<string>();
  const left = [...paths];
  for (let path = left.pop(); path; path = left.pop()) {
    if (found.has(path) || !existsSync(path)) continue;
    found.add(path);
    if (!path.endsWith('.css')) left.push(...importsOf(path));
  }
  return found;
}

const first = components(join(src, 'routes')).filter((path) =>
  /^(\+error|\+layout|\(chat\)\/.*)\.svelte$/.test(relative(join(src, 'routes'), path)),
);
/** Comes with the first page, since it is needed most when this version's other files are gone. */
const withFirst = join(src, 'lib/ui/shell/NewVersion.svelte');

test('app.css draws its classes from the components of the first page and no others', () => {
  const drawn = [...closure([...first, withFirst])].filter((path) => path.endsWith('.svelte'));
  const named = [...read(join(src, 'app.css')).matchAll(/@source '\.\/([^']+)'/g)]
    .flatMap(([, name]) => (name!.includes('.') ? [join(src, name!)] : components(join(src, name!))))
    .filter((path) => path.endsWith('.svelte'));
  expect(named.map((path) => relative(src, path)).toSorted()).toEqual(
    drawn.map((path) => relative(src, path)).toSorted(),
  );
});

test('pages that come later bring pages.css, which has the classes of all components; so does every lazy part', () => {
  const sheet = join(src, 'pages.css');
  const without = components(join(src, 'routes')).filter(
    (path) => !first.includes(path) && !closure([path]).has(sheet),
  );
  expect(without.map((path) => relative(src, path))).toEqual([]);
  expect(read(join(src, 'lib/ui/basic/Lazy.svelte'))).toContain("import('../../../pages.css')");
});

test('what stands at a side is named by the direction of writing, so that Arabic pages are mirrored', () => {
  // In the middle of its box both directions are the same.
  const centred = 'left-1/2 -translate-x-1/2';
  const sided =
    /(?<![\w-])(?:[a-z-]+:)*-?(?:[mp][lr]-|(?:left|right)-(?=[\d[a])|text-(?:left|right)\b|(?:border|rounded)-[lr]\b|(?:scroll-)?[mp][lr]-)[\w[\]./-]*/g;
  const inStyles =
    /(?<![\w-])(?:(?:margin|padding|border|inset)-(?:left|right)|text-align: (?:left|right)|float: (?:left|right)|(?:left|right):)/g;
  const classes = components(src).flatMap((path) =>
    [...read(path).replaceAll(centred, '').matchAll(sided)].map(([found]) => `${relative(src, path)}: ${found}`),
  );
  const sheets = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.css$|widget\/style\.ts$/.test(name),
  );
  const rules = sheets.flatMap((name) =>
    [...read(join(src, name)).matchAll(inStyles)].map(([found]) => `${name}: ${found}`),
  );
  expect([...classes, ...rules]).toEqual([]);
});

test('every head cell of a table says itself at which side it stands: it does not inherit `start`', () => {
  const cells = components(src).flatMap((path) =>
    [...read(path).matchAll(/<th\b[^>]*class="([^"]*)"/g)].map(
      ([, classes]) => [relative(src, path), classes!] as const,
    ),
  );
  expect(cells.length).toBeGreaterThan(5);
  expect(cells.filter(([, classes]) => !/\btext-(start|center|end)\b/.test(classes))).toEqual([]);
  expect(components(src).flatMap((path) => read(path).match(/<th\b(?![^>]*class=)[^>]*>/g) ?? [])).toEqual([]);
});

test('D2: mathematics has its font, code no ligatures', () => {
  const math = read(join(src, 'lib/ui/markdown/math.css'));
  const [, font] = /url\('([^']+)'\)/.exec(math)!;
  expect(existsSync(join(src, 'lib/ui/markdown', font!))).toBe(true);
  expect(math).toMatch(/math \{[^}]*font-family: 'Noto Sans Math'/);
  expect(read(join(src, 'app.css'))).toMatch(/code,[^{}]*\{[^}]*font-variant-ligatures: none/);
});

test('D2: text of people and models is written in its own direction', () => {
  const shown = ['chat/Question', 'markdown/Block', 'shell/HistoryItem', 'chat/Attachments'];
  for (const name of shown) expect(read(join(src, `lib/ui/${name}.svelte`)), name).toContain('dir="auto"');
  // Markdown before its library has come, and after.
  expect(read(join(src, 'lib/ui/markdown/Block.svelte')).match(/dir="auto"/g)).toHaveLength(2);
});

test('code is written from left to right in any language, also where it is typed in', () => {
  const rule = /([^{}]*)\{\s*direction: ltr;/.exec(read(join(src, 'app.css')))![1]!;
  for (const selector of ['code', 'pre', '.field.font-mono', 'p.font-mono'])
    expect(rule.split(',').map((one) => one.trim().split('\n').at(-1)?.trim())).toContain(selector);
});
