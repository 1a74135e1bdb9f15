export type Fetch = typeof globalThis.fetch;

const bodyBytesMax = 16_384;

/** JSON of an address, at most 16 KiB. @throws as `fetch` does, `SyntaxError` where it is no JSON or too long. */
export async function readJson(fetch: Fetch, url: URL, signal: AbortSignal, init: RequestInit = {}) {
  const response = await fetch(url, { redirect: 'error', ...init, signal });
  const text = await readText(response.body);
  const date = Date.parse(response.headers.get('date') ?? '');
  return { status: response.status, json: JSON.parse(text) as unknown, dateMs: Number.isNaN(date) ? undefined : date };
}

/** By a reader: not every browser iterates over a body. */
async function readText(body: ReadableStream<Uint8Array> | null): Promise<string> {
  const reader = body?.getReader();
  const decoder = new TextDecoder();
  let text = '';
  for (;;) {
    const { value, done } = (await reader?.read()) ?? { done: true };
    if (done) return text;
    text += decoder.decode(value, { stream: true });
    if (text.length <= bodyBytesMax) continue;
    await reader?.cancel();
    throw new SyntaxError('too long');
  }
}
