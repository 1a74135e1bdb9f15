import { createEmitter } from './emitter.ts';

/** An observable value. */
export interface Live<T> {
  readonly current: T;
  /** Calls back with each new value; returns the unsubscribe function. */
  listen(listener: (value: T) => void): () => void;
}

/** A {@link Live} value and the means to change it. */
export interface MutableLive<T> extends Live<T> {
  set(value: T): void;
  /** Changes some members of an object value. */
  change(change: Partial<T>): void;
}

export function createLive<T>(initial: T): MutableLive<T> {
  let current = initial;
  const emitter = createEmitter<T>();
  const set = (value: T) => {
    if (Object.is(value, current)) return;
    current = value;
    emitter.emit(value);
  };
  return {
    get current() {
      return current;
    },
    set,
    change: (change) => set({ ...current, ...change }),
    listen: emitter.listen,
  };
}
