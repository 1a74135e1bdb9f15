import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { build } from 'vite';

/** Besides English, which the script carries. */
const languages = ['de', 'es', 'zh-Hans', 'ar'] as const;

/**
 * Builds `/widget.js`, and beside it the part that is loaded with the first answer and the texts of each other language, into the
 * folder of the built pages. Each is one file: the script is a classic one, which other sites name in a tag, and the others are
 * named by their content.
 */
export async function buildWidget(root: string, pages: string): Promise<void> {
  const work = join(pages, 'widget');
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  const markdownFile = await buildPart(root, 'src/lib/widget/markdown.ts', work, 'markdown');
  const languageFiles: Record<string, string> = {};
  for (const language of languages) {
    const texts = `messages/compiled/languages/${language}-widget.js`;
    languageFiles[language] = await buildPart(root, texts, work, language);
  }
  await buildFile(root, 'src/lib/widget/main.ts', 'iife', join(pages, 'widget.js'), {
    markdownFile: JSON.stringify(markdownFile),
    languageFiles: JSON.stringify(languageFiles),
  });
  const parts = [markdownFile, ...Object.values(languageFiles)].map((name) => join(work, name));
  for (const file of [...parts, join(pages, 'widget.js')]) {
    writeFileSync(`${file}.br`, brotliCompressSync(readFileSync(file)));
    writeFileSync(`${file}.gz`, gzipSync(readFileSync(file), { level: 9 }));
  }
}

/** @returns the name of the file, which holds a hash of its content. */
async function buildPart(root: string, entry: string, folder: string, name: string): Promise<string> {
  const file = join(folder, `${name}.js`);
  await buildFile(root, entry, 'es', file);
  const hash = createHash('sha256').update(readFileSync(file)).digest('hex').slice(0, 12);
  renameSync(file, join(folder, `${name}-${hash}.js`));
  return `${name}-${hash}.js`;
}

async function buildFile(
  root: string,
  entry: string,
  format: 'es' | 'iife',
  file: string,
  define: Readonly<Record<string, string>> = {},
): Promise<void> {
  const result = await build({
    root,
    configFile: false,
    logLevel: 'warn',
    define,
    build: {
      target: 'es2022',
      write: false,
      copyPublicDir: false,
      lib: { entry: join(root, entry), formats: [format], name: 'tabloom', fileName: 'part' },
    },
  });
  const outputs = (Array.isArray(result) ? result : [result]).flatMap((one) => ('output' in one ? one.output : []));
  const [only, ...others] = outputs;
  if (!only || others.length > 0 || only.type !== 'chunk') throw new Error(`${entry} has to become one file`);
  writeFileSync(file, only.code);
}
