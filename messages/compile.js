import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { partsOf } from './parts.js';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const read = (path) => readFileSync(at(path), 'utf8');
const { locales } = JSON.parse(read('./project.inlang/settings.json'));
const sources = [
  './compile.js',
  './sentences.json',
  './project.inlang/settings.json',
  '../package-lock.json',
  ...locales.map((locale) => `./${locale}.json`),
];
const outdir = at('./compiled');
const stamp = at('./compiled/.stamp');

/**
 * Makes `messages/compiled/` from the catalogues: one module a message with its English text, so that a page carries only the
 * texts it shows, and for each other language a file of the texts that the first page begins with, one of the rest, and one
 * of the widget's. Called from svelte.config.js, which every tool that meets a component reads first. Nothing is fetched:
 * the one plugin comes from `node_modules`.
 */
export async function compileMessages() {
  const keys = Object.keys(JSON.parse(read('./en.json'))).filter((key) => key !== '$schema');
  const parts = partsOf(keys);
  const hash = createHash('sha256').update(JSON.stringify(parts));
  for (const path of sources) hash.update(read(path));
  const wanted = hash.digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  const { compile } = await import('@inlang/paraglide-js');
  await compile({
    project: at('./project.inlang'),
    outdir,
    outputStructure: 'message-modules',
    strategy: ['baseLocale'],
    isServer: 'false',
    disableAsyncLocalStorage: true,
    emitGitIgnore: false,
    emitPrettierIgnore: false,
    emitReadme: false,
  });
  splitLanguages(keys, parts);
  writeSentences();
  writeFileSync(stamp, wanted);
}

/** Takes every language but English out of the modules, and leaves in its place the number of the message. */
function splitLanguages(keys, parts) {
  const others = locales.filter((locale) => locale !== 'en');
  const texts = new Map(others.map((locale) => [locale, new Map()]));
  for (const [id, key] of keys.entries()) {
    const file = `${outdir}/messages/${key}.js`;
    const source = readFileSync(file, 'utf8');
    const [, name] = /return (en_\w+)\(inputs\)\s*\}\);?\s*$/.exec(source) ?? [];
    if (!name) throw new Error(`${key}: Paraglide has written a message in a form that compile.js does not know`);
    for (const locale of others) {
      // A text that is missing stands there as the English one.
      const found = new RegExp(`^const ${prefixOf(locale)}_\\w+ = (/\\*\\*.*?\\*/ \\([\\s\\S]*?\\n\\});$`, 'm').exec(
        source,
      );
      if (found)
        texts.get(locale).set(id, found[1].replaceAll(`registry.number("ar"`, `registry.number("ar-u-nu-latn"`));
    }
    const [head, tail] = source.split(/(?=\n\/\*\*\n\*)/);
    const english = head
      .replace(
        /^import \{ getLocale, experimentalStaticLocale \} from '..\/runtime.js';$/m,
        "import { pick } from '../../language.js';",
      )
      .replace(/\n(?:\/\*\* @type .*\n)?const (?!en_)\w+ = (?:en_\w+;|\/\*\*.*?\*\/ \([\s\S]*?\n\};)\n/g, '');
    const chosen = tail.replace(
      /\(\(inputs(?: = \{\})?, options = \{\}\) => \{[\s\S]*\}\);?\s*$/,
      `(/* @__PURE__ */ pick(${id}, ${name}));\n`,
    );
    writeFileSync(file, english + chosen);
  }
  mkdirSync(`${outdir}/languages`, { recursive: true });
  const first = new Set(parts.first);
  const chosen = {
    first: parts.first,
    rest: keys.filter((key) => !first.has(key)),
    widget: parts.widget,
  };
  for (const [locale, byId] of texts)
    for (const [part, members] of Object.entries(chosen)) {
      const rows = members
        .map((key) => keys.indexOf(key))
        .filter((id) => byId.has(id))
        .map((id) => `  ${id}: ${byId.get(id)},\n`);
      const registry = rows.some((row) => row.includes('registry.'))
        ? "import * as registry from '../registry.js';\n"
        : '';
      writeFileSync(`${outdir}/languages/${locale}-${part}.js`, `${registry}export default {\n${rows.join('')}};\n`);
    }
}

/** What the rooms below the pages say in English, beside what it is in each other language. */
function writeSentences() {
  const sentences = Object.entries(JSON.parse(read('./sentences.json')));
  for (const locale of locales.filter((one) => one !== 'en')) {
    const rows = sentences.map(([english, others]) => [english, others[locale]]);
    writeFileSync(`${outdir}/languages/${locale}-sentences.js`, `export default ${JSON.stringify(rows)};\n`);
  }
}

/** How Paraglide begins the name of a function of this language. */
const prefixOf = (locale) => locale.replace(/-(\w+)$/, (_, end) => `_${end.toLowerCase()}1`);
