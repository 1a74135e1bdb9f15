/** A set of listeners for one kind of event; a listener that throws does not affect the others. */
export interface Emitter<T> {
  readonly emit: (event: T) => void;
  /** Returns the function that removes the listener. */
  readonly listen: (listener: (event: T) => void) => () => void;
}

export function createEmitter<T>(onListenerError: (error: unknown) => void = () => undefined): Emitter<T> {
  const listeners = new Set<(event: T) => void>();
  return {
    emit: (event) => {
      // A copy: a listener that is added during an event is called from the next event on.
      for (const listener of Array.from(listeners)) {
        if (!listeners.has(listener)) continue;
        try {
          listener(event);
        } catch (error) {
          onListenerError(error);
        }
      }
    },
    listen: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
