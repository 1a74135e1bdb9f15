import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { build } from 'vite';

/**
 * Builds `/widget.js`, and beside it the part that is loaded with the first answer, into the folder of the built pages. Each is one
 * file: the script is a classic one, which other sites name in a tag, and the part is named by its content.
 */
export async function buildWidget(root: string, pages: string): Promise<void> {
  const work = join(pages, 'widget');
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  await buildFile(root, 'markdown.ts', 'es', join(work, 'markdown.js'));
  const markdown = readFileSync(join(work, 'markdown.js'));
  const markdownFile = `markdown-${createHash('sha256').update(markdown).digest('hex').slice(0, 12)}.js`;
  renameSync(join(work, 'markdown.js'), join(work, markdownFile));
  await buildFile(root, 'main.ts', 'iife', join(pages, 'widget.js'), { markdownFile: JSON.stringify(markdownFile) });
  for (const file of [join(work, markdownFile), join(pages, 'widget.js')]) {
    writeFileSync(`${file}.br`, brotliCompressSync(readFileSync(file)));
    writeFileSync(`${file}.gz`, gzipSync(readFileSync(file), { level: 9 }));
  }
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
      lib: { entry: join(root, 'src/lib/widget', entry), formats: [format], name: 'tabloom', fileName: 'part' },
    },
  });
  const outputs = (Array.isArray(result) ? result : [result]).flatMap((one) => ('output' in one ? one.output : []));
  const [only, ...others] = outputs;
  if (!only || others.length > 0 || only.type !== 'chunk') throw new Error(`${entry} has to become one file`);
  writeFileSync(file, only.code);
}
