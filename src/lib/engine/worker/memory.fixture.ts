import type { HostPort, WorkerPort } from './port.ts';

export interface MemoryWorker extends WorkerPort {
  readonly terminated: boolean;
  /** Simulates a crash: the worker's `error` event. */
  crash(reason: unknown): void;
}

/**
 * A worker without a thread: both ends share this one, and every message is cloned, as with a real worker, and
 * delivered in a later microtask. `serve` is the worker's script.
 */
export function memoryWorker(serve: (port: HostPort) => void): MemoryWorker {
  const toPage: ((event: { readonly data: unknown }) => void)[] = [];
  const toHost: ((event: { readonly data: unknown }) => void)[] = [];
  const onError: ((event: unknown) => void)[] = [];
  let terminated = false;
  const deliver = (listeners: readonly ((event: { readonly data: unknown }) => void)[], message: unknown) => {
    const data: unknown = structuredClone(message);
    queueMicrotask(() => {
      if (!terminated) for (const listener of listeners) listener({ data });
    });
  };
  serve({
    postMessage: (message) => deliver(toPage, message),
    addEventListener: (_type, listener) => void toHost.push(listener),
  });
  return {
    get terminated() {
      return terminated;
    },
    postMessage: (message) => deliver(toHost, message),
    terminate: () => {
      terminated = true;
    },
    addEventListener: (type: string, listener: (event: { readonly data: unknown }) => void) => {
      if (type === 'message') toPage.push(listener);
      else onError.push(listener as (event: unknown) => void);
    },
    crash: (reason) => {
      for (const listener of onError) listener(reason);
    },
  };
}
