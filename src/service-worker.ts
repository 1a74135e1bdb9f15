/// <reference types="@sveltejs/kit" />
/// <reference lib="webworker" />
import { build, files, prerendered, version } from '$service-worker';

declare const self: ServiceWorkerGlobalScope;

/**
 * Pages and small files are cached at install. Hashed assets are cached on first use, in one cache shared by all
 * versions, since their names are unique. So libp2p and the engines are not fetched before the page needs them, and an
 * update fetches only what changed. The engines manage a separate cache for models.
 */
const pagesCache = `tabloom-pages-${version}`;
const assetsCache = 'tabloom-assets';
/** Answers for the addresses of conversations, which no page was built for. */
const fallback = '/200.html';
const pages = [...new Set(['/', fallback, ...prerendered])];
const small = files.filter((path) => !path.startsWith('/models/'));
const assets = new Set(build);
const patienceMs = 2_500;

self.addEventListener('install', (event) => {
  event.waitUntil(
    caches
      .open(pagesCache)
      .then((cache) => cache.addAll([...pages, ...small].map((url) => new Request(url, { cache: 'reload' })))),
  );
});

self.addEventListener('activate', (event) => {
  event.waitUntil(tidy().then(() => self.clients.claim()));
});

self.addEventListener('message', (event) => {
  const { data, ports } = event;
  if (data?.type === 'activate-now') event.waitUntil(self.skipWaiting());
  if (data?.type === 'version?') ports[0]?.postMessage(version);
  // Without waitUntil the browser may terminate an idle worker.
  if (data?.type === 'keep' && Array.isArray(data.urls)) event.waitUntil(keep(data.urls));
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== self.location.origin) return;
  if (assets.has(url.pathname)) event.respondWith(assetFirst(request, url.pathname));
  else if (request.mode === 'navigate' && pages.includes(pagePath(url)))
    event.respondWith(page(request, pagePath(url)));
  else if (small.includes(url.pathname)) event.respondWith(keptFirst(request, url.pathname));
});

const pagePath = ({ pathname }: URL): string => {
  if (/^\/c\/[0-9a-f]{32}\/?$/.test(pathname)) return fallback;
  return pathname.length > 1 ? pathname.replace(/\/$/, '') : pathname;
};

/** The relay's page if it responds soon, else the cached one. */
async function page(request: Request, path: string): Promise<Response> {
  const kept = caches.open(pagesCache).then((cache) => cache.match(path));
  const fresh = fetch(request);
  const soon = await Promise.race([fresh.catch(() => undefined), after(patienceMs)]);
  return soon?.ok ? soon : ((await kept) ?? fresh);
}

const after = (ms: number) => new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), ms));

async function keptFirst(request: Request, path: string): Promise<Response> {
  const cache = await caches.open(pagesCache);
  return (await cache.match(path)) ?? fetch(request);
}

async function assetFirst(request: Request, path: string): Promise<Response> {
  const cache = await caches.open(assetsCache);
  const kept = await cache.match(path);
  if (kept) return kept;
  const response = await fetch(request);
  // A full disk must not prevent the page from loading.
  if (response.status === 200) await cache.put(path, response.clone()).catch(() => undefined);
  return response;
}

/** Caches what the page fetched before this worker controlled it. */
async function keep(urls: readonly unknown[]): Promise<void> {
  const cache = await caches.open(assetsCache);
  for (const url of urls.slice(0, 500)) {
    if (typeof url !== 'string' || !URL.canParse(url)) continue;
    const path = new URL(url).pathname;
    if (!assets.has(path) || (await cache.match(path))) continue;
    await cache.add(path).catch(() => undefined);
  }
}

async function tidy(): Promise<void> {
  for (const name of await caches.keys()) {
    if (name.startsWith('tabloom-pages-') && name !== pagesCache) await caches.delete(name);
  }
  const cache = await caches.open(assetsCache);
  for (const request of await cache.keys()) {
    if (!assets.has(new URL(request.url).pathname)) await cache.delete(request);
  }
}
