import { readdir, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';

/** One file that may be served, with the forms it was compressed to at build time. */
export interface SiteFile {
  /** As in a URL: `/_app/immutable/x.js`. */
  readonly path: string;
  readonly plain: StoredForm;
  readonly br?: StoredForm | undefined;
  readonly gzip?: StoredForm | undefined;
}

export interface StoredForm {
  /** On this machine. */
  readonly file: string;
  readonly sizeBytes: number;
  /** Changes with the content: size and time of writing. */
  readonly etag: string;
}

const filesMax = 20_000;

/**
 * Every regular file below the folder. Only what stands in this list is ever opened, so no path of a request reaches
 * the file system: there is nothing to traverse. Links are not followed. An absent folder is an empty site.
 */
export async function indexFiles(root: string): Promise<ReadonlyMap<string, SiteFile>> {
  const forms = new Map<string, StoredForm>();
  const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    },
  );
  for (const entry of entries.slice(0, filesMax)) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    const { size, mtimeMs } = await stat(file);
    const etag = `"${size.toString(36)}-${Math.floor(mtimeMs).toString(36)}"`;
    forms.set(`/${relative(root, file).split(sep).join('/')}`, { file, sizeBytes: size, etag });
  }
  const files = new Map<string, SiteFile>();
  for (const [path, plain] of forms) {
    // `x.js.br` beside `x.js` is a form of it; alone it is a file.
    if (/\.(br|gz)$/.test(path) && forms.has(path.slice(0, path.lastIndexOf('.')))) continue;
    files.set(path, { path, plain, br: forms.get(`${path}.br`), gzip: forms.get(`${path}.gz`) });
  }
  return files;
}

const types: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  mjs: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  json: 'application/json',
  map: 'application/json',
  txt: 'text/plain; charset=utf-8',
  md: 'text/markdown; charset=utf-8',
  xml: 'application/xml',
  webmanifest: 'application/manifest+json',
  wasm: 'application/wasm',
  gguf: 'application/octet-stream',
  svg: 'image/svg+xml',
  png: 'image/png',
  jpg: 'image/jpeg',
  webp: 'image/webp',
  avif: 'image/avif',
  ico: 'image/x-icon',
  woff2: 'font/woff2',
  woff: 'font/woff',
  ttf: 'font/ttf',
};

/** By the file's name. With `nosniff` a wrong one breaks a page, so what is unknown is bytes. */
export const mediaType = (path: string): string =>
  types[/\.([a-z0-9]+)$/i.exec(path)?.[1]?.toLowerCase() ?? ''] ?? 'application/octet-stream';
