/** What the service worker does with a request; undefined leaves it to the browser. */
export type WorkerRoute =
  /** Kept from the first use on: its name changes with its content. */
  | { readonly to: 'asset'; readonly path: string }
  /** The relay's page if it answers soon, else the one that is kept. */
  | { readonly to: 'page'; readonly path: string }
  | { readonly to: 'kept'; readonly path: string }
  /** Another program shares something with the app. */
  | { readonly to: 'received' };

export interface KeptFiles {
  /** Hashed files of this version. */
  readonly assets: ReadonlySet<string>;
  readonly pages: readonly string[];
  /** Icons and the like. */
  readonly small: readonly string[];
  /** The page for the addresses of conversations, which no page was built for. */
  readonly fallback: string;
}

export const receivePath = '/receive';

/** @param origin the worker's own. */
export function routeOf(
  { method, mode, url }: Pick<Request, 'method' | 'mode' | 'url'>,
  origin: string,
  { assets, pages, small, fallback }: KeptFiles,
): WorkerRoute | undefined {
  const { pathname, origin: of } = new URL(url);
  if (of !== origin) return undefined;
  if (method === 'POST' && mode === 'navigate' && pathname === receivePath) return { to: 'received' };
  if (method !== 'GET') return undefined;
  if (assets.has(pathname)) return { to: 'asset', path: pathname };
  const page = pagePath(pathname, fallback);
  if (mode === 'navigate' && pages.includes(page)) return { to: 'page', path: page };
  if (small.includes(pathname)) return { to: 'kept', path: pathname };
  return undefined;
}

function pagePath(pathname: string, fallback: string): string {
  if (/^\/c\/[0-9a-f]{32}\/?$/.test(pathname)) return fallback;
  return pathname.length > 1 ? pathname.replace(/\/$/, '') : pathname;
}
