import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const sources = ['./compile.js', './en.json', './project.inlang/settings.json', '../package-lock.json'];
const outdir = at('./compiled');
const stamp = at('./compiled/.stamp');

/**
 * Makes `messages/compiled/` from the catalogue, one module a message, so that a page carries only the texts it shows.
 * Called from svelte.config.js, which every tool that meets a component reads first. Nothing is fetched: the one plugin
 * comes from `node_modules`.
 */
export async function compileMessages() {
  const hash = createHash('sha256');
  for (const path of sources) hash.update(readFileSync(at(path)));
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
  dropChoiceOfLanguage();
  writeFileSync(stamp, wanted);
}

/** One language so far: a message is its English text, and the choice between languages costs the first page nothing. */
function dropChoiceOfLanguage() {
  for (const name of readdirSync(`${outdir}/messages`)) {
    const file = `${outdir}/messages/${name}`;
    const source = readFileSync(file, 'utf8');
    const lean = source
      .replace(/^import \{ getLocale, experimentalStaticLocale \} from '..\/runtime.js';$/m, '')
      .replace(/\(\(inputs(?: = \{\})?, options = \{\}\) => \{[^}]*return (en_\w+)\(inputs\)\s*\}\)/, '($1)');
    if (lean !== source) writeFileSync(file, lean);
  }
}
