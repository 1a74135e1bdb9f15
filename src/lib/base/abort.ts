import { TabloomError } from './errors.ts';

export interface AbortOptions {
  readonly signal?: AbortSignal | undefined;
}

/**
 * The reason for aborts whose error is never read, as of a timer that is no longer needed. `abort()` without a reason
 * builds a DOMException with a stack, which costs several times the abort itself.
 */
export const released = new TabloomError('aborted', 'The operation was stopped before it finished.');

/** The reason of an aborted signal as a coded error: a coded reason is kept, anything else becomes `aborted`. */
export function abortError(signal: AbortSignal): TabloomError {
  const reason: unknown = signal.reason;
  if (reason instanceof TabloomError) return reason;
  return new TabloomError('aborted', 'The operation was stopped before it finished.', { cause: reason });
}

/** Throws the signal's coded error when it has been aborted. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortError(signal);
}

/** One signal that aborts when any of the given ones does; undefined entries are skipped. */
export function anySignal(signals: readonly (AbortSignal | undefined)[]): AbortSignal {
  return AbortSignal.any(signals.filter((signal) => signal !== undefined));
}

/** As {@link anySignal}, for a time that has an end. */
export interface JoinedSignals {
  readonly signal: AbortSignal;
  /** Aborts it besides, and lets the given signals go. */
  abort(reason: unknown): void;
  /** Lets the given signals go: from now on nothing aborts this one. */
  release(): void;
}

/**
 * For what every request needs: a composite of the platform is kept track of by the garbage collector as soon as somebody
 * listens to it, which costs several times these listeners.
 */
export function joinSignals(signals: readonly AbortSignal[]): JoinedSignals {
  const joined = new AbortController();
  const release = () => {
    for (const signal of signals) signal.removeEventListener('abort', onAbort);
  };
  const onAbort = () => {
    const first = signals.find(({ aborted }) => aborted);
    release();
    joined.abort(first?.reason);
  };
  for (const signal of signals) signal.addEventListener('abort', onAbort, { once: true });
  if (signals.some(({ aborted }) => aborted)) onAbort();
  const abort = (reason: unknown) => {
    release();
    joined.abort(reason);
  };
  return { signal: joined.signal, abort, release };
}

/** Settles as `promise` does, or rejects with the signal's coded error, whichever is first. */
export function raceSignal<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  if (signal.aborted) {
    promise.catch(() => undefined);
    return Promise.reject(abortError(signal));
  }
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(abortError(signal));
    signal.addEventListener('abort', onAbort, { once: true });
    const letGo = () => signal.removeEventListener('abort', onAbort);
    promise.then(
      (value) => (letGo(), resolve(value)),
      (error: unknown) => (letGo(), reject(error)),
    );
  });
}
