import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { indexFiles, mediaType, type SiteFile, type FileVariant } from './files.ts';

/** Serves the built pages: files as they are, and the fallback page for the app's own paths. */
export interface Site {
  readonly fileCount: number;
  respond(request: Request): Promise<Response>;
}

/** Smaller files are read at once; larger ones are streamed as fast as the client reads. */
const wholeReadBytesMax = 256 * 1024;
const fallbackPath = '/200.html';
/** Conversations have addresses that no file was built for. Which there are, only the visitor's browser knows. */
const appPath = /^\/c\/[0-9a-f]{32}\/?$/;

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

/** Browsers get the app at any path, and it shows its own not-found page; programs and asset paths get a plain 404. */
const isPagePath = (path: string, request: Request): boolean =>
  !path.startsWith('/_app/') && (request.headers.get('accept') ?? '').includes('text/html');

/** @param status of a response with the whole file. */
async function serve(request: Request, file: SiteFile, status: number): Promise<Response> {
  const isPage = file.path.endsWith('.html');
  const headers = new Headers(isPage ? pageHeaders(await readFile(file.plain.file, 'utf8'), file.path) : commonHeaders);
  headers.set('content-type', mediaType(file.path));
  headers.set('cache-control', cacheControl(file.path));
  if (isForOtherSites(file.path)) {
    headers.set('cross-origin-resource-policy', 'cross-origin');
    // The same bytes for everybody, and without cookies.
    if (!isPage) headers.set('access-control-allow-origin', '*');
  }
  const compressible = file.br !== undefined || file.gzip !== undefined;
  if (compressible) headers.set('vary', 'Accept-Encoding');
  const range = request.headers.get('range');
  // Ranges refer to the uncompressed file: a resumed download must get the same bytes it started with.
  const { variant, encoding } =
    range === null ? chooseVariant(request, file) : { variant: file.plain, encoding: undefined };
  if (encoding) headers.set('content-encoding', encoding);
  headers.set('etag', variant.etag);
  headers.set('accept-ranges', 'bytes');

  if (
    request.headers
      .get('if-none-match')
      ?.split(',')
      .some((tag) => tag.trim().replace(/^W\//, '') === variant.etag)
  ) {
    return new Response(null, { status: 304, headers });
  }
  const ifRange = request.headers.get('if-range');
  const asked = readRange(ifRange === null || ifRange === variant.etag ? range : null, variant.sizeBytes);
  if (asked.kind === 'unsatisfiable') {
    headers.set('content-range', `bytes */${variant.sizeBytes}`);
    return new Response(null, { status: 416, headers });
  }
  const span = asked.kind === 'part' ? asked : { first: 0, last: variant.sizeBytes - 1 };
  headers.set('content-length', String(span.last - span.first + 1));
  if (asked.kind === 'part') headers.set('content-range', `bytes ${span.first}-${span.last}/${variant.sizeBytes}`);
  const body = request.method === 'HEAD' ? null : await readSpan(variant, span);
  return new Response(body, { status: asked.kind === 'part' ? 206 : status, headers });
}

/** The widget's script and its parts, and the page that other sites show in a frame. */
const isForOtherSites = (path: string): boolean =>
  path === '/widget.js' || path.startsWith('/widget/') || path === framePath;

const framePath = '/frame.html';

/** Names of hashed files never change their content. Pages of other sites ask for the widget again after ten minutes. */
function cacheControl(path: string): string {
  if (path.startsWith('/_app/immutable/') || path.startsWith('/widget/')) return 'public, max-age=31536000, immutable';
  return path === '/widget.js' ? 'public, max-age=600' : 'no-cache';
}

function chooseVariant(request: Request, file: SiteFile): { variant: FileVariant; encoding: string | undefined } {
  const accepted = new Set(
    (request.headers.get('accept-encoding') ?? '')
      .split(',')
      .map((item) => item.trim().toLowerCase())
      .filter((item) => !/;\s*q=0(\.0*)?$/.test(item))
      .map((item) => item.split(';')[0]!.trim()),
  );
  if (file.br && accepted.has('br')) return { variant: file.br, encoding: 'br' };
  if (file.gzip && accepted.has('gzip')) return { variant: file.gzip, encoding: 'gzip' };
  return { variant: file.plain, encoding: undefined };
}

async function readSpan(
  variant: FileVariant,
  { first, last }: { readonly first: number; readonly last: number },
): Promise<BodyInit> {
  if (variant.sizeBytes <= wholeReadBytesMax) return (await readFile(variant.file)).subarray(first, last + 1);
  const stream = createReadStream(variant.file, { start: first, end: last });
  return Readable.toWeb(stream) as ReadableStream<Uint8Array>;
}

/** Undefined for an invalid path: broken escapes, NUL. */
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

/** The part of a file that a `Range` header requests (RFC 9110, section 14). Offsets in bytes, both inclusive. */
type RangeRequest =
  | { readonly kind: 'whole' }
  | { readonly kind: 'part'; readonly first: number; readonly last: number }
  | { readonly kind: 'unsatisfiable' };

const whole: RangeRequest = { kind: 'whole' };

/** Parses a single byte range. Multiple ranges, other units and malformed headers yield the whole file. */
export function readRange(header: string | null, sizeBytes: number): RangeRequest {
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

/** Headers of every file. */
const commonHeaders: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'strict-origin-when-cross-origin',
  'cross-origin-resource-policy': 'same-origin',
};

/**
 * Headers of a page. Document isolation instead of COEP keeps wasm threads while wallet pop-ups and foreign frames work.
 * The policy allows this document's inline scripts by hash, and inline styles; engines compile wasm and start workers
 * from blobs; the visitor chooses relays and model hosts, so connections are not restricted. No other site may frame a
 * page: a frame could steal a click, and one of the clicks here shares the device. The widget's frame is the exception: it can
 * only ask.
 */
function pageHeaders(html: string, path: string): Record<string, string> {
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
    path === framePath ? 'frame-ancestors *' : "frame-ancestors 'self'",
  ];
  return {
    ...commonHeaders,
    'document-isolation-policy': 'isolate-and-credentialless',
    'cross-origin-opener-policy': 'same-origin-allow-popups',
    'content-security-policy': policy.join('; '),
    // Dictation needs the microphone; in a frame of another site nothing asks for it.
    'permissions-policy': `camera=(), microphone=(${path === framePath ? '' : 'self'}), geolocation=(), payment=(self), screen-wake-lock=(self)`,
  };
}

/** CSP sources of the document's inline scripts. */
function inlineScriptHashes(html: string): readonly string[] {
  return [...html.matchAll(/<script(?![^>]*\ssrc=)[^>]*>([\s\S]*?)<\/script>/gi)]
    .map((match) => createHash('sha256').update(match[1]!).digest('base64'))
    .map((digest) => `'sha256-${digest}'`);
}
