import type { Clock } from '#lib/base/clock.ts';
import { createIndexedDbStorage } from '#lib/storage/indexeddb.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import type { LockChannel } from './identity-lock.ts';

export interface BrowserStores {
  readonly storage: KeyValue;
  /** False where this browser keeps nothing: everything works, until the page is closed. */
  readonly kept: boolean;
  /** Undefined where it is hidden: models are then downloaded at every load. */
  readonly caches: CacheStorage | undefined;
}

/**
 * What this browser keeps for the site. Some private windows hide its members, in others they are there and throw when
 * they are used, and where a person has forbidden storage the mere look at them throws.
 */
export async function browserStores(
  scope: { readonly indexedDB?: IDBFactory; readonly caches?: CacheStorage },
  clock: Clock,
): Promise<BrowserStores> {
  const caches = look(() => scope.caches);
  const storage = createIndexedDbStorage({ factory: look(() => scope.indexedDB), clock });
  try {
    await storage.get('settings', 'tab');
    return { storage, kept: true, caches };
  } catch {
    return { storage: createMemoryStorage(), kept: false, caches };
  }
}

/** Between the tabs of this browser; silent where it lets them not speak with each other. */
export function browserChannel(name: string): LockChannel {
  return (
    look(() => new BroadcastChannel(name)) ?? { postMessage: () => undefined, close: () => undefined, onmessage: null }
  );
}

/** Deletes the small texts that pages keep. */
export function clearAreas(scope: { readonly localStorage: Storage; readonly sessionStorage: Storage }): void {
  look(() => scope.localStorage.clear());
  look(() => scope.sessionStorage.clear());
}

function look<T>(at: () => T): T | undefined {
  try {
    return at();
  } catch {
    return undefined;
  }
}
