import { abortError, type AbortOptions } from './abort.ts';
import { TabloomError } from './errors.ts';

/**
 * A bounded single-reader queue between a producer and a consumer. It never grows past `limit`: `push` refuses with
 * `queue-full`, `pushWhenFree` waits. Ending keeps what is queued; failing drops it and throws at the reader.
 */
export interface Queue<T> extends AsyncIterable<T> {
  readonly size: number;
  readonly closed: boolean;
  /** @throws `queue-full` at the limit, `queue-closed` after the end. */
  push(value: T): void;
  /** Waits while full. @throws `queue-closed`, or the signal's coded error. */
  pushWhenFree(value: T, options?: AbortOptions): Promise<void>;
  end(): void;
  fail(error: unknown): void;
}

export function createQueue<T>(limit: number): Queue<T> {
  const values: T[] = [];
  let ended = false;
  let failure: { readonly error: unknown } | undefined;
  let wakeReader: (() => void) | undefined;
  const waitingWriters = new Set<() => void>();

  const wake = () => {
    wakeReader?.();
    wakeReader = undefined;
  };
  const freeWriters = () => {
    for (const writer of waitingWriters) writer();
    waitingWriters.clear();
  };
  const assertOpen = () => {
    if (ended || failure) throw new TabloomError('queue-closed', 'The queue has ended; nothing more can be added.');
  };
  const finish = () => {
    ended = true;
    freeWriters();
    wake();
  };

  return {
    get size() {
      return values.length;
    },
    get closed() {
      return ended || failure !== undefined;
    },
    push(value) {
      assertOpen();
      if (values.length >= limit)
        throw new TabloomError('queue-full', `The queue holds its limit of ${limit} already.`);
      values.push(value);
      wake();
    },
    async pushWhenFree(value, { signal } = {}) {
      assertOpen();
      while (values.length >= limit) {
        if (signal?.aborted) throw abortError(signal);
        await new Promise<void>((resolve, reject) => {
          const onFree = () => {
            signal?.removeEventListener('abort', onAbort);
            resolve();
          };
          const onAbort = () => {
            waitingWriters.delete(onFree);
            reject(abortError(signal!));
          };
          waitingWriters.add(onFree);
          signal?.addEventListener('abort', onAbort, { once: true });
        });
        assertOpen();
      }
      values.push(value);
      wake();
    },
    end: finish,
    fail(error) {
      if (ended || failure) return;
      failure = { error };
      values.length = 0;
      finish();
    },
    async *[Symbol.asyncIterator]() {
      try {
        for (;;) {
          if (values.length > 0) {
            const value = values.shift()!;
            freeWriters();
            yield value;
          } else if (failure) throw failure.error;
          else if (ended) return;
          else
            await new Promise<void>((resolve) => {
              wakeReader = resolve;
            });
        }
      } finally {
        finish();
      }
    },
  };
}
