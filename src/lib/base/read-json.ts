export type Fetch = typeof globalThis.fetch;

const bytesMaxDefault = 16_384;

/** JSON of an address, at most 16 KiB. @throws as `fetch` does, `SyntaxError` where it is no JSON or too long. */
export async function readJson(fetch: Fetch, url: URL, signal: AbortSignal, init: RequestInit = {}) {
  const response = await fetch(url, { redirect: 'error', ...init, signal });
  const json = await readBody(response, bytesMaxDefault);
  const date = Date.parse(response.headers.get('date') ?? '');
  return { status: response.status, json, dateMs: Number.isNaN(date) ? undefined : date };
}

/**
 * The JSON of a response, of which no more is held than the limit and a piece. Ends when the signal of its `fetch` aborts.
 * @throws `SyntaxError` where it is no JSON or too long, and what reading a body throws.
 */
export async function readBody({ body }: Pick<Response, 'body'>, bytesMax: number): Promise<unknown> {
  // By a reader: not every browser iterates over a body.
  const reader = body?.getReader();
  const decoder = new TextDecoder();
  let [text, bytes] = ['', 0];
  for (;;) {
    const { value, done } = (await reader?.read()) ?? { done: true };
    if (done) return JSON.parse(text + decoder.decode());
    bytes += value.byteLength;
    if (bytes > bytesMax) {
      // Whatever the source says to that, nothing more is read.
      void reader?.cancel().catch(() => undefined);
      throw new SyntaxError('too long');
    }
    text += decoder.decode(value, { stream: true });
  }
}
