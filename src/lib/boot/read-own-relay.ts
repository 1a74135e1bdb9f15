import type { z } from 'zod';
import { throwIfAborted, type AbortOptions } from '#lib/base/abort.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { readBody, type Fetch } from '#lib/base/read-json.ts';

const timeoutMs = 10_000;
/** More than any list of the relay's API has. */
const bytesMax = 2 ** 20;

/** The code and the sentence of an answer that is not there or has another form. */
export interface Unread {
  readonly code: string;
  readonly message: string;
}

/**
 * What the relay of this page answers at a path of its API; undefined where it does not know the path.
 * @throws the code of `unread`, or `aborted`.
 */
export async function readOwnRelay<T>(
  fetch: Fetch,
  path: `/v1/${string}`,
  schema: z.ZodType<T>,
  unread: Unread,
  { signal }: AbortOptions = {},
): Promise<T | undefined> {
  try {
    const ended = AbortSignal.timeout(timeoutMs);
    const response = await fetch(path, { signal: signal ? AbortSignal.any([signal, ended]) : ended });
    if (response.status !== 404) return schema.parse(await readBody(response, bytesMax));
    await response.body?.cancel();
    return undefined;
  } catch (cause) {
    throwIfAborted(signal);
    throw new TabloomError(unread.code, unread.message, { cause });
  }
}
