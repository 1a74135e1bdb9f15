/**
 * The result of an attempt. js-libp2p sometimes rejects with values that are not errors (such as a WebSocket's
 * `ErrorEvent`).
 */
export type AttemptResult<T> =
  { readonly type: 'done'; readonly value: T } | { readonly type: 'failed'; readonly reason: string };

export async function attempt<T>(run: () => Promise<T>): Promise<AttemptResult<T>> {
  try {
    return { type: 'done', value: await run() };
  } catch (error) {
    return { type: 'failed', reason: reasonOf(error) };
  }
}

const reasonLengthMax = 120;

/** The first line of a thrown value's message, short enough for a status. */
export function reasonOf(error: unknown): string {
  const text =
    typeof error === 'object' && error !== null && 'message' in error && typeof error.message === 'string'
      ? error.message
      : error instanceof Error
        ? error.name
        : String(error);
  return (text || 'no answer').split('\n')[0]!.slice(0, reasonLengthMax);
}
