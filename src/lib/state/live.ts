/** An observable value: the interface through which the UI state reads from the tab. */
export interface Live<T> {
  readonly current: T;
  /** Calls back with each new value; returns the unsubscribe function. */
  listen(listener: (value: T) => void): () => void;
}
