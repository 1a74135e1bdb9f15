import { createEmitter } from '#lib/base/emitter.ts';
import type { Live } from '#lib/state/live.ts';

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
