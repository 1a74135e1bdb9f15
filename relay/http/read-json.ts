export type Fetch = typeof globalThis.fetch;

const bodyBytesMax = 16_384;

/** JSON of an address, at most 16 KiB. @throws as `fetch` does, `SyntaxError` where it is no JSON or too long. */
export async function readJson(fetch: Fetch, url: URL, signal: AbortSignal, init: RequestInit = {}) {
  const response = await fetch(url, { redirect: 'error', ...init, signal });
  let text = '';
  const decoder = new TextDecoder();
  for await (const bytes of response.body ?? []) {
    text += decoder.decode(bytes, { stream: true });
    if (text.length > bodyBytesMax) throw new SyntaxError('too long');
  }
  const date = Date.parse(response.headers.get('date') ?? '');
  return { status: response.status, json: JSON.parse(text) as unknown, dateMs: Number.isNaN(date) ? undefined : date };
}
