import { abortError, type AbortOptions } from '#lib/base/abort.ts';

/**
 * Wakes whoever waits. A ring without listeners is not kept: look at the state first, then wait, without an `await`
 * between the two.
 */
export interface Bell {
  ring(): void;
  /** Resolves at the next ring. @throws the signal's coded error. */
  wait(options?: AbortOptions): Promise<void>;
}

export function createBell(): Bell {
  const waiting = new Set<() => void>();
  return {
    ring() {
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
