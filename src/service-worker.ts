/// <reference types="@sveltejs/kit" />
/// <reference lib="webworker" />
import { keepReceived } from '#lib/boot/received.ts';
import { receivePath, routeOf } from '#lib/boot/worker-routes.ts';
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
/** Without what only the browser reads, before anything is installed. */
const small = files.filter((path) => !path.startsWith('/models/') && !path.startsWith('/screenshots/'));
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
  const route = routeOf(request, self.location.origin, { assets, pages, small, fallback });
  if (route?.to === 'asset') event.respondWith(assetFirst(request, route.path));
  else if (route?.to === 'page') event.respondWith(page(request, route.path));
  else if (route?.to === 'kept') event.respondWith(keptFirst(request, route.path));
  else if (route?.to === 'received') event.respondWith(receive(request));
});

/** What is shared stays on this device: its page reads it from here, and nothing is asked before its visitor says so. */
async function receive(request: Request): Promise<Response> {
  await keepReceived(await request.formData(), caches).catch(() => undefined);
  return Response.redirect(receivePath, 303);
}

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
