/**
 * Where a request belongs, whatever base URL its client was given: `https://relay`, `https://relay/` and
 * `https://relay/v1/` are all tried in practice, and lead to the same API. Pages keep their paths for browsers.
 */
export function apiPath(request: Request): string {
  const path = new URL(request.url).pathname
    .replace(/\/{2,}/g, '/')
    .replace(/(?<=.)\/$/, '')
    .replace(/^\/v1(?=\/v1(\/|$))/, '');
  if (apiOnly.test(path)) return `/v1${path}`;
  // The one name that the API shares with a page.
  if (/^\/models(\/|$)/.test(path) && (isApiClient(request) || !isReading(request.method))) return `/v1${path}`;
  return path;
}

const apiOnly = /^\/(chat\/completions|completions|embeddings|audio|images|responses|moderations)(\/|$)/;

/** A program with a key or a taste for JSON: it must never be shown a page in place of an answer. */
export function isApiClient({ headers }: Request): boolean {
  if (acceptsPage(headers)) return false;
  const bearer = /^bearer /i.test(headers.get('authorization') ?? '');
  return bearer || headers.has('x-api-key') || headers.has('api-key') || /\bjson\b/i.test(headers.get('accept') ?? '');
}

/** What browsers say when somebody goes to an address. */
export const acceptsPage = (headers: Headers): boolean => (headers.get('accept') ?? '').includes('text/html');

export const isReading = (method: string): boolean => method === 'GET' || method === 'HEAD';
