import { readdir, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';

/** A file to serve, with the variants compressed at build time. */
export interface SiteFile {
  /** As in a URL: `/_app/immutable/x.js`. */
  readonly path: string;
  readonly plain: FileVariant;
  readonly br?: FileVariant | undefined;
  readonly gzip?: FileVariant | undefined;
}

export interface FileVariant {
  /** Path on this machine. */
  readonly file: string;
  readonly sizeBytes: number;
  /** Changes with size and modification time. */
  readonly etag: string;
}

const filesMax = 20_000;

/**
 * Indexes every regular file below the folder. Only indexed files are ever opened, so no request path reaches the file
 * system and there is nothing to traverse. Links are not followed. A missing folder is an empty site.
 */
export async function indexFiles(root: string): Promise<ReadonlyMap<string, SiteFile>> {
  const variants = new Map<string, FileVariant>();
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
    variants.set(`/${relative(root, file).split(sep).join('/')}`, { file, sizeBytes: size, etag });
  }
  const files = new Map<string, SiteFile>();
  for (const [path, plain] of variants) {
    // `x.js.br` beside `x.js` is a variant of it; alone it is a file.
    if (/\.(br|gz)$/.test(path) && variants.has(path.slice(0, path.lastIndexOf('.')))) continue;
    files.set(path, { path, plain, br: variants.get(`${path}.br`), gzip: variants.get(`${path}.gz`) });
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

/** By file extension. With `nosniff` a wrong type breaks a page, so unknown ones are served as plain bytes. */
export const mediaType = (path: string): string =>
  types[/\.([a-z0-9]+)$/i.exec(path)?.[1]?.toLowerCase() ?? ''] ?? 'application/octet-stream';
