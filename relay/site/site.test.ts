import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, brotliDecompressSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSite, readRange, type Site } from './site.ts';

const inline = 'console.warn(1)';
const page = `<!doctype html><script type="module">${inline}</script><script src="/x.js"></script>`;
const model = Buffer.from(Uint8Array.from({ length: 300_000 }, (_, i) => i % 251));
let folder: string;
let site: Site;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabloom-site-'));
  const build = join(folder, 'build');
  for (const path of ['_app/immutable', 'models', 'docs', 'widget'])
    await mkdir(join(build, path), { recursive: true });
  const code = 'export const x = 1;'.repeat(50);
  const files: Record<string, string | Buffer> = {
    '200.html': page,
    'index.html': page,
    'share.html': '<!doctype html>share',
    'frame.html': '<!doctype html>frame',
    'widget.js': '1',
    'widget/markdown-1.js': '1',
    'docs/index.html': '<!doctype html>docs',
    '_app/immutable/a.js': code,
    '_app/immutable/a.js.br': brotliCompressSync(code),
    '_app/immutable/a.js.gz': gzipSync(code),
    'models/demo.gguf': model,
    'manifest.webmanifest': '{}',
    'engine.wasm': Buffer.from([0, 97, 115, 109]),
    'service-worker.js': '1',
    'empty.txt': '',
    'lonely.gz': 'alone',
  };
  for (const [path, content] of Object.entries(files)) await writeFile(join(build, path), content);
  await writeFile(join(folder, 'secret.txt'), 'secret');
  await symlink(join(folder, 'secret.txt'), join(build, 'link.txt'));
  site = await createSite(build);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  site.respond(new Request(`http://localhost${path}`, { method, headers }));

describe('pages', () => {
  const visit = { accept: 'text/html,application/xhtml+xml' };
  test.each(['/', '/share', '/share/', '/docs', '/docs/', `/c/${'0a'.repeat(16)}`])('%s is one', async (path) => {
    const response = await get(path, visit);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('no-cache');
    expect(await response.text()).toContain('<!doctype html>');
  });
  test.each(['/nowhere', '/c/', '/c/some-id', '/c/x/y', '/models/llama-3.2', '/metrics', '/docs/x'])(
    'B5: %s is none: a visitor gets the app with 404, a program no page',
    async (path) => {
      const visited = await get(path, visit);
      expect(visited.status).toBe(404);
      expect(await visited.text()).toContain('<!doctype html>');
      const asked = await get(path, { accept: '*/*' });
      expect(asked.status).toBe(404);
      expect(asked.headers.get('content-type')).toContain('text/plain');
    },
  );
  test('code that is missing is missing, for visitors too', async () => {
    expect(await (await get('/_app/immutable/gone.js', visit)).text()).not.toContain('<!doctype html>');
  });
  test.each(['/', '/share', '/embed', '/embed/x'])('%s may not be framed by another site', async (path) => {
    const { headers } = await get(path, visit);
    expect(headers.get('content-security-policy')).toMatch(/frame-ancestors 'self'$/);
    expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
  });
  test('are isolated, and run no inline script but their own', async () => {
    const { headers } = await get('/');
    expect(headers.get('document-isolation-policy')).toBe('isolate-and-credentialless');
    expect(headers.get('cross-origin-opener-policy')).toBe('same-origin-allow-popups');
    expect(headers.get('cross-origin-embedder-policy')).toBeNull();
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    const policy = headers.get('content-security-policy')!;
    expect(policy).toContain(`'sha256-${createHash('sha256').update(inline).digest('base64')}'`);
    expect(policy.match(/sha256-/g)).toHaveLength(1);
    expect(policy).toContain("worker-src 'self' blob:");
    expect(policy).not.toMatch(/script-src[^;]*('unsafe-inline'|'unsafe-eval')/);
  });
});

describe('what other sites load', () => {
  test.each([
    ['/widget.js', 'public, max-age=600'],
    ['/widget/markdown-1.js', 'public, max-age=31536000, immutable'],
  ])('%s, from anywhere and for a time', async (path, cache) => {
    const { headers } = await get(path);
    expect(headers.get('access-control-allow-origin')).toBe('*');
    expect(headers.get('access-control-allow-credentials')).toBeNull();
    expect(headers.get('cross-origin-resource-policy')).toBe('cross-origin');
    expect(headers.get('cache-control')).toBe(cache);
  });
  test('only the widget’s own page may be framed, and nothing else is shared', async () => {
    const { headers } = await get('/frame');
    expect(headers.get('content-security-policy')).toMatch(/frame-ancestors \*$/);
    expect(headers.get('cross-origin-resource-policy')).toBe('cross-origin');
    expect(headers.get('cache-control')).toBe('no-cache');
    for (const path of ['/', '/share', '/frame/x', '/engine.wasm', '/models/demo.gguf']) {
      const other = await get(path, { accept: 'text/html' });
      expect(other.headers.get('cross-origin-resource-policy')).toBe('same-origin');
      expect(other.headers.get('access-control-allow-origin')).toBeNull();
    }
  });
});

describe('files', () => {
  test.each([
    ['/manifest.webmanifest', 'application/manifest+json', 'no-cache'],
    ['/engine.wasm', 'application/wasm', 'no-cache'],
    ['/models/demo.gguf', 'application/octet-stream', 'no-cache'],
    ['/service-worker.js', 'text/javascript; charset=utf-8', 'no-cache'],
    ['/lonely.gz', 'application/octet-stream', 'no-cache'],
    ['/_app/immutable/a.js', 'text/javascript; charset=utf-8', 'public, max-age=31536000, immutable'],
  ])('%s is %s', async (path, type, cache) => {
    const response = await get(path);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe(type);
    expect(response.headers.get('cache-control')).toBe(cache);
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  });
  test.each([
    '/_app/immutable/gone.js',
    '/models/gone',
    '/favicon.ico',
    '/link.txt',
    '/../secret.txt',
    '/..%2fsecret.txt',
    '/%2e%2e/secret.txt',
    '/models/..%5c..%5csecret.txt',
    '/%00.txt',
    '/%E0%A4%A.txt',
    '/_app/immutable/a.js.br',
  ])('%s is not there', async (path) => {
    const response = await get(path);
    expect(response.status).toBe(404);
    expect(await response.text()).not.toContain('secret');
  });
  test('compressed forms go to those who read them', async () => {
    const path = '/_app/immutable/a.js';
    const br = await get(path, { 'accept-encoding': 'gzip, deflate, br' });
    expect(br.headers.get('content-encoding')).toBe('br');
    expect(br.headers.get('vary')).toBe('Accept-Encoding');
    expect(brotliDecompressSync(Buffer.from(await br.arrayBuffer())).toString()).toContain('export const x');
    expect((await get(path, { 'accept-encoding': 'gzip;q=0.5' })).headers.get('content-encoding')).toBe('gzip');
    expect((await get(path, { 'accept-encoding': 'br;q=0' })).headers.get('content-encoding')).toBeNull();
    const plain = await get(path);
    expect(plain.headers.get('content-encoding')).toBeNull();
    expect(plain.headers.get('etag')).not.toBe(br.headers.get('etag'));
  });
  test('what has not changed is not sent again', async () => {
    const etag = (await get('/engine.wasm')).headers.get('etag')!;
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`]) {
      const response = await get('/engine.wasm', { 'if-none-match': known });
      expect(response.status).toBe(304);
      expect(await response.text()).toBe('');
    }
    expect((await get('/engine.wasm', { 'if-none-match': '"other"' })).status).toBe(200);
  });
  test('HEAD says the same without the bytes; other methods are refused', async () => {
    const head = await get('/models/demo.gguf', {}, 'HEAD');
    expect(head.headers.get('content-length')).toBe(String(model.length));
    expect(await head.text()).toBe('');
    expect((await get('/', {}, 'POST')).status).toBe(405);
  });
});

describe('ranges', () => {
  const bytesOf = async (response: Response) => Buffer.from(await response.arrayBuffer());
  test.each([
    ['bytes=0-9', 0, 9],
    ['bytes=299990-', 299_990, 299_999],
    ['bytes=-5', 299_995, 299_999],
    ['bytes=299999-400000', 299_999, 299_999],
    ['bytes=0-299999', 0, 299_999],
  ])('%s', async (range, first, last) => {
    const response = await get('/models/demo.gguf', { range, 'accept-encoding': 'br' });
    expect(response.status).toBe(206);
    expect(response.headers.get('content-range')).toBe(`bytes ${first}-${last}/300000`);
    expect(response.headers.get('content-length')).toBe(String(last - first + 1));
    expect((await bytesOf(response)).equals(model.subarray(first, last + 1))).toBe(true);
  });
  test('beyond the end is 416 with the size', async () => {
    const response = await get('/models/demo.gguf', { range: 'bytes=300000-' });
    expect(response.status).toBe(416);
    expect(response.headers.get('content-range')).toBe('bytes */300000');
  });
  test('If-Range: goes on only with the same bytes', async () => {
    const etag = (await get('/models/demo.gguf')).headers.get('etag')!;
    const ask = (ifRange: string) => get('/models/demo.gguf', { range: 'bytes=10-19', 'if-range': ifRange });
    expect((await ask(etag)).status).toBe(206);
    const changed = await ask('"before"');
    expect(changed.status).toBe(200);
    expect((await bytesOf(changed)).equals(model)).toBe(true);
  });
  test.each(['bytes=', 'bytes=-', 'bytes=5-2', 'bytes=0-1,3-4', 'lines=0-1', 'bytes=a-b', 'bytes=9999999999999999-'])(
    '%s is answered whole',
    (header) => expect(readRange(header, 100)).toEqual({ kind: 'whole' }),
  );
  test('of nothing', () => {
    expect(readRange('bytes=0-0', 0)).toEqual({ kind: 'unsatisfiable' });
    expect(readRange('bytes=-1', 0)).toEqual({ kind: 'unsatisfiable' });
  });
  test('an empty file is served', async () => {
    const response = await get('/empty.txt');
    expect(response.status).toBe(200);
    expect(response.headers.get('content-length')).toBe('0');
    expect(await response.text()).toBe('');
  });
});

test('a site that is not built says so', async () => {
  const empty = await createSite(join(folder, 'nowhere'));
  const response = await empty.respond(new Request('http://localhost/'));
  expect(response.status).toBe(503);
  expect(await response.text()).toContain('npm run build');
});
