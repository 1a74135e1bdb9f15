/** Runs tasks one at a time, in the order in which they were given. */
export interface Mutex {
  /** Runs the task once all before it have settled; settles as the task does. A task that fails holds up none after it. */
  run<T>(task: () => T | Promise<T>): Promise<T>;
  /** Tasks that run or wait. The queue itself has no limit: a caller that others can make wait looks here first. */
  readonly pending: number;
  /** Resolves when the tasks given so far have settled. */
  idle(): Promise<void>;
}

/** Not reentrant: a task that waits for another of the same mutex waits for ever. */
export function createMutex(): Mutex {
  let last: Promise<unknown> = Promise.resolve();
  const settle = () => {
    mutex.pending -= 1;
  };
  // Every channel has some: a getter would make each an object of a shape of its own.
  const mutex: Mutex & { pending: number } = {
    pending: 0,
    run(task) {
      mutex.pending += 1;
      const done = last.then(task);
      last = done.then(settle, settle);
      return done;
    },
    async idle() {
      await last;
    },
  };
  return mutex;
}

/** One mutex per key: tasks of the same key run one at a time, those of different keys beside each other. */
export interface Mutexes<K> {
  run<T>(key: K, task: () => T | Promise<T>): Promise<T>;
  /** Keys with tasks that run or wait; the others take no memory. */
  readonly size: number;
}

export function createMutexes<K>(): Mutexes<K> {
  const mutexes = new Map<K, Mutex>();
  return {
    async run(key, task) {
      const mutex = mutexes.get(key) ?? createMutex();
      mutexes.set(key, mutex);
      try {
        return await mutex.run(task);
      } finally {
        if (mutex.pending === 0) mutexes.delete(key);
      }
    },
    get size() {
      return mutexes.size;
    },
  };
}
