import { abortError, type AbortOptions } from './abort.ts';

/**
 * Wakes all who wait for a change. A notification is not kept for later: look at the state, then wait, without an `await`
 * between the two.
 */
export interface Notifier {
  notify(): void;
  /** Resolves at the next notification. @throws the signal's coded error. */
  wait(options?: AbortOptions): Promise<void>;
}

export function createNotifier(): Notifier {
  const waiting = new Set<() => void>();
  return {
    notify() {
      const woken = [...waiting];
      waiting.clear();
      for (const wake of woken) wake();
    },
    wait({ signal } = {}) {
      return new Promise<void>((resolve, reject) => {
        if (signal?.aborted) return reject(abortError(signal));
        const onAbort = () => {
          waiting.delete(wake);
          reject(abortError(signal!));
        };
        const wake = () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        };
        waiting.add(wake);
        signal?.addEventListener('abort', onAbort, { once: true });
      });
    },
  };
}
