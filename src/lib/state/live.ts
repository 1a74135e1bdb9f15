/** A value that changes over time, read at once and heard of afterwards. What the state asks of the tab behind it. */
export interface Live<T> {
  readonly current: T;
  /** Calls back with each new value; returns the end of it. */
  listen(listener: (value: T) => void): () => void;
}
