import type { Clock } from '#lib/base/clock.ts';
import { withTimeout } from '#lib/base/timeout.ts';

/** A newer version that is waiting. */
export interface Update {
  /** Activates it and reloads this page. */
  apply(): void;
}

/**
 * Registers the service worker once the page has loaded, and passes it the URLs the page has fetched so far, so that a first
 * visit is enough to work offline. Calls back when a version newer than this page is waiting; one as new as the page is
 * activated silently.
 */
export async function registerServiceWorker(pageVersion: string, onUpdate: (update: Update) => void): Promise<void> {
  if (!('serviceWorker' in navigator)) return;
  const registration = await navigator.serviceWorker.register('/service-worker.js', { type: 'module' });
  const waiting = () => offerWaiting(registration, pageVersion, onUpdate);
  registration.addEventListener('updatefound', () => {
    registration.installing?.addEventListener('statechange', () => void waiting());
  });
  void waiting();
  // A page may share for days: it checks for a newer version now and then.
  setInterval(() => void registration.update().catch(() => undefined), checkAgainMs);
  const { active } = await navigator.serviceWorker.ready;
  const urls = performance
    .getEntriesByType('resource')
    .map(({ name }) => name)
    .filter((url) => url.startsWith(location.origin));
  active?.postMessage({ type: 'keep', urls });
}

async function offerWaiting(
  { waiting: worker }: ServiceWorkerRegistration,
  pageVersion: string,
  onUpdate: (update: Update) => void,
): Promise<void> {
  // Without a controller this is the first version: there is nothing to update.
  if (!worker || !navigator.serviceWorker.controller) return;
  if ((await versionOf(worker)) === pageVersion) return worker.postMessage({ type: 'activate-now' });
  onUpdate({
    apply: () => {
      navigator.serviceWorker.addEventListener('controllerchange', () => location.reload(), { once: true });
      worker.postMessage({ type: 'activate-now' });
    },
  });
}

/**
 * Checks for a newer version now, as when a file of this one is gone; what is found is offered as usual. Without a service
 * worker, `isOutdated` decides.
 */
export async function findUpdate(
  pageVersion: string,
  onUpdate: (update: Update) => void,
  isOutdated: () => Promise<boolean>,
): Promise<void> {
  const workers = 'serviceWorker' in navigator ? navigator.serviceWorker : undefined;
  const registration = await workers?.getRegistration().catch(() => undefined);
  if (!registration) {
    if (await isOutdated()) onUpdate({ apply: () => location.reload() });
    return;
  }
  await registration.update();
  await offerWaiting(registration, pageVersion, onUpdate);
}

function versionOf(worker: ServiceWorker): Promise<unknown> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }) => {
      port1.close();
      resolve(data);
    };
    worker.postMessage({ type: 'version?' }, [port2]);
  });
}

const checkAgainMs = 60 * 60_000;
const controllerTimeoutMs = 3_000;

/** Waits a moment for the service worker to control this page, so that an engine's code is cached for offline use. */
export async function untilServiceWorker(clock: Clock): Promise<void> {
  if (!('serviceWorker' in navigator) || navigator.serviceWorker.controller) return;
  const controlled = new Promise<void>((resolve) => {
    navigator.serviceWorker.addEventListener('controllerchange', () => resolve(), { once: true });
  });
  if (!(await navigator.serviceWorker.getRegistration().catch(() => undefined))) return;
  await withTimeout(controlled, clock, controllerTimeoutMs).catch(() => undefined);
}
