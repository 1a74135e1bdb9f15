import { abortError } from '#lib/base/abort.ts';
import { TabloomError } from '#lib/base/errors.ts';
import type { FetchFileOptions, ModelFile } from './fetch-file.ts';

/**
 * Streams a file from offset `fromBytes`, with a range request if the server supports it, otherwise by skipping the
 * bytes before it.
 * @throws `load-failed` for network errors and any status other than 200 and 206.
 */
export async function* openDownload(
  file: ModelFile,
  fromBytes: number,
  { fetch, signal }: Pick<FetchFileOptions, 'fetch' | 'signal'>,
): AsyncGenerator<Uint8Array> {
  const response = await fetchOrFail(fetch, file, fromBytes, signal);
  let skip = response.status === 206 ? 0 : fromBytes;
  const range = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '');
  if (response.status === 206 && Number(range?.[1]) !== fromBytes) {
    await response.body?.cancel();
    throw loadFailed(file, 'the server sent a different part of the file');
  }
  const reader = response.body?.getReader();
  if (!reader) throw loadFailed(file, 'the response was empty');
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((cause: unknown) => {
        throw signal?.aborted ? abortError(signal) : loadFailed(file, 'the connection broke', cause);
      });
      if (done) return;
      const bytes = skip > 0 ? value.subarray(Math.min(skip, value.length)) : value;
      skip -= value.length - bytes.length;
      if (bytes.length > 0) yield bytes;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

async function fetchOrFail(
  fetch: typeof globalThis.fetch,
  file: ModelFile,
  fromBytes: number,
  signal: AbortSignal | undefined,
): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(file.url, {
      ...(fromBytes > 0 ? { headers: { range: `bytes=${fromBytes}-` } } : {}),
      ...(signal ? { signal } : {}),
    });
  } catch (cause) {
    throw signal?.aborted ? abortError(signal) : loadFailed(file, 'the network did not respond', cause);
  }
  if (response.status === 200 || response.status === 206) return response;
  await response.body?.cancel();
  throw loadFailed(file, `the server answered with status ${response.status}`);
}

const loadFailed = (file: ModelFile, what: string, cause?: unknown): TabloomError =>
  new TabloomError(
    'load-failed',
    `The model could not be fetched: ${what}. Check the connection and try again; what has arrived is kept.`,
    { details: { url: file.url }, cause },
  );
