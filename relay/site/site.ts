import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { indexFiles, mediaType, type SiteFile, type StoredForm } from './files.ts';

/** The built pages: files as they are, and the fallback page for every path of the app. */
export interface Site {
  readonly fileCount: number;
  respond(request: Request): Promise<Response>;
}

/** Up to here a file is read at once; above it is streamed as fast as it is taken. */
const wholeReadBytesMax = 256 * 1024;
const fallbackPath = '/200.html';
/** Pages of which there is one for each thing kept, so that no file stands for them. */
const appPath = /^\/chat\/[^/]+\/?$/;

export async function createSite(root: string): Promise<Site> {
  const files = await indexFiles(root);
  const find = (path: string): SiteFile | undefined =>
    files.get(path) ??
    files.get(`${path.replace(/\/$/, '')}.html`) ??
    files.get(`${path.replace(/\/?$/, '/')}index.html`);

  return {
    fileCount: files.size,
    async respond(request) {
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        return plainText(405, 'Only GET and HEAD here.', { allow: 'GET, HEAD' });
      }
      const path = readPath(request.url);
      const found = path === undefined ? undefined : find(path);
      const file = found ?? (path !== undefined && isPagePath(path, request) ? files.get(fallbackPath) : undefined);
      if (path === undefined || !file) {
        return files.size === 0
          ? plainText(503, 'The pages are not built. Run "npm run build", then start again. The gateway at /v1 works.')
          : plainText(404, 'There is no such file here.');
      }
      return serve(request, file, found || appPath.test(path) ? 200 : 404);
    },
  };
}

/** Visitors get the app at any path, and it tells them when there is no such page; programs, code and models do not. */
const isPagePath = (path: string, request: Request): boolean =>
  !path.startsWith('/_app/') && (request.headers.get('accept') ?? '').includes('text/html');

/** `status` is said of a whole answer. */
async function serve(request: Request, file: SiteFile, status: number): Promise<Response> {
  const isPage = file.path.endsWith('.html');
  const headers = new Headers(isPage ? pageHeaders(await readFile(file.plain.file, 'utf8')) : commonHeaders);
  headers.set('content-type', mediaType(file.path));
  headers.set(
    'cache-control',
    file.path.startsWith('/_app/immutable/') ? 'public, max-age=31536000, immutable' : 'no-cache',
  );
  const compressible = file.br !== undefined || file.gzip !== undefined;
  if (compressible) headers.set('vary', 'Accept-Encoding');
  const range = request.headers.get('range');
  // A range is one of the plain bytes: a download that goes on must not meet other bytes than it began with.
  const { form, encoding } = range === null ? chooseForm(request, file) : { form: file.plain, encoding: undefined };
  if (encoding) headers.set('content-encoding', encoding);
  headers.set('etag', form.etag);
  headers.set('accept-ranges', 'bytes');

  if (
    request.headers
      .get('if-none-match')
      ?.split(',')
      .some((tag) => tag.trim().replace(/^W\//, '') === form.etag)
  ) {
    return new Response(null, { status: 304, headers });
  }
  const ifRange = request.headers.get('if-range');
  const asked = readRange(ifRange === null || ifRange === form.etag ? range : null, form.sizeBytes);
  if (asked.kind === 'unsatisfiable') {
    headers.set('content-range', `bytes */${form.sizeBytes}`);
    return new Response(null, { status: 416, headers });
  }
  const span = asked.kind === 'part' ? asked : { first: 0, last: form.sizeBytes - 1 };
  headers.set('content-length', String(span.last - span.first + 1));
  if (asked.kind === 'part') headers.set('content-range', `bytes ${span.first}-${span.last}/${form.sizeBytes}`);
  const body = request.method === 'HEAD' ? null : await readSpan(form, span);
  return new Response(body, { status: asked.kind === 'part' ? 206 : status, headers });
}

function chooseForm(request: Request, file: SiteFile): { form: StoredForm; encoding: string | undefined } {
  const accepted = new Set(
    (request.headers.get('accept-encoding') ?? '')
      .split(',')
      .map((item) => item.trim().toLowerCase())
      .filter((item) => !/;\s*q=0(\.0*)?$/.test(item))
      .map((item) => item.split(';')[0]!.trim()),
  );
  if (file.br && accepted.has('br')) return { form: file.br, encoding: 'br' };
  if (file.gzip && accepted.has('gzip')) return { form: file.gzip, encoding: 'gzip' };
  return { form: file.plain, encoding: undefined };
}

async function readSpan(
  form: StoredForm,
  { first, last }: { readonly first: number; readonly last: number },
): Promise<BodyInit> {
  if (form.sizeBytes <= wholeReadBytesMax) return (await readFile(form.file)).subarray(first, last + 1);
  const stream = createReadStream(form.file, { start: first, end: last });
  return Readable.toWeb(stream) as ReadableStream<Uint8Array>;
}

/** Undefined for what cannot be a path: broken escapes, NUL. */
function readPath(url: string): string | undefined {
  try {
    const path = decodeURIComponent(new URL(url).pathname);
    return path.includes('\0') ? undefined : path;
  } catch {
    return undefined;
  }
}

const plainText = (status: number, text: string, headers: Record<string, string> = {}) =>
  new Response(`${text}\n`, {
    status,
    headers: { ...commonHeaders, 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store', ...headers },
  });

/** What a `Range` header asks of a file (RFC 9110, section 14). Offsets in bytes, both inclusive. */
type RangeAsked =
  | { readonly kind: 'whole' }
  | { readonly kind: 'part'; readonly first: number; readonly last: number }
  | { readonly kind: 'unsatisfiable' };

const whole: RangeAsked = { kind: 'whole' };

/** One range of bytes. Several at once, other units and what cannot be read are answered with the whole file. */
export function readRange(header: string | null, sizeBytes: number): RangeAsked {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? '');
  if (!match || (match[1] === '' && match[2] === '')) return whole;
  if (match[1] === '') {
    const suffix = Number(match[2]);
    if (suffix === 0 || sizeBytes === 0) return { kind: 'unsatisfiable' };
    return { kind: 'part', first: Math.max(0, sizeBytes - suffix), last: sizeBytes - 1 };
  }
  const first = Number(match[1]);
  const last = match[2] === '' ? sizeBytes - 1 : Math.min(Number(match[2]), sizeBytes - 1);
  if (match[2] !== '' && Number(match[2]) < first) return whole;
  return first >= sizeBytes ? { kind: 'unsatisfiable' } : { kind: 'part', first, last };
}

/** Headers of every file, whatever it is. */
const commonHeaders: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'strict-origin-when-cross-origin',
  'cross-origin-resource-policy': 'same-origin',
};

/**
 * Headers of a page. Isolation without COEP keeps threads in wasm while wallet pop-ups and foreign frames work. The
 * policy allows the inline scripts of this very document by their hashes and nothing else inline but styles; engines
 * compile wasm and start workers from blobs; relays and model hosts are chosen by the visitor, so connections are open. No
 * other site may frame a page: a frame could trick a click out of a visitor, and one of the clicks here lends the device.
 */
function pageHeaders(html: string): Record<string, string> {
  const policy = [
    "default-src 'self'",
    ["script-src 'self' 'wasm-unsafe-eval'", ...inlineScriptHashes(html)].join(' '),
    "worker-src 'self' blob:",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "font-src 'self' data:",
    "connect-src 'self' ws: wss: https: http: data: blob:",
    "media-src 'self' blob:",
    "object-src 'none'",
    "base-uri 'self'",
    "form-action 'self'",
    "frame-ancestors 'self'",
  ];
  return {
    ...commonHeaders,
    'document-isolation-policy': 'isolate-and-credentialless',
    'cross-origin-opener-policy': 'same-origin-allow-popups',
    'content-security-policy': policy.join('; '),
    'permissions-policy': 'camera=(), microphone=(), geolocation=(), payment=(self), screen-wake-lock=(self)',
  };
}

/** Sources for the scripts that stand in the document itself. */
function inlineScriptHashes(html: string): readonly string[] {
  return [...html.matchAll(/<script(?![^>]*\ssrc=)[^>]*>([\s\S]*?)<\/script>/gi)]
    .map((match) => createHash('sha256').update(match[1]!).digest('base64'))
    .map((digest) => `'sha256-${digest}'`);
}
