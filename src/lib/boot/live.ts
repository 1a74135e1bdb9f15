import { createEmitter } from '#lib/base/emitter.ts';

/** A value that changes over time and tells who listens. */
export interface MutableLive<T> {
  readonly current: T;
  set(value: T): void;
  /** Changes some members of an object value. */
  change(change: Partial<T>): void;
  listen(listener: (value: T) => void): () => void;
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
