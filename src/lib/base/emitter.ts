/** A set of listeners for one kind of event; a listener that throws does not keep the others from hearing. */
export interface Emitter<T> {
  readonly emit: (event: T) => void;
  /** Returns the function that takes the listener away again. */
  readonly listen: (listener: (event: T) => void) => () => void;
}

export function createEmitter<T>(onListenerError: (error: unknown) => void = () => undefined): Emitter<T> {
  const listeners = new Set<(event: T) => void>();
  return {
    emit: (event) => {
      for (const listener of listeners) {
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
