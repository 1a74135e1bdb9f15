import type { Live } from '#lib/base/live.ts';

/** A {@link Live} value as reactive state; holds `initial` until one is attached. */
export class Watched<T> {
  value = $state.raw() as T;
  #detach: (() => void) | undefined;

  constructor(initial: T) {
    this.value = initial;
  }

  attach(live: Live<T>): void {
    this.detach();
    this.value = live.current;
    this.#detach = live.listen((value) => {
      this.value = value;
    });
  }

  detach(): void {
    this.#detach?.();
    this.#detach = undefined;
  }
}
