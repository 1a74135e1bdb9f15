/**
 * Reads a stream to its end. What `take` returns is waited for before the next value is read. Where `take` fails, the stream is
 * left. By hand, as `tap` is: a loop over a stream makes three promises of each value, and this two.
 */
export function readEach<T>(source: AsyncIterable<T>, take: (value: T) => Promise<void> | undefined): Promise<void> {
  const iterator = source[Symbol.asyncIterator]();
  return new Promise<void>((resolve, reject) => {
    const leave = (reason: unknown) => {
      // The first failure is the one that is told, as in a loop.
      const fail = () => reject(reason);
      const left = iterator.return?.();
      if (left) left.then(fail, fail);
      else fail();
    };
    const onResult = (result: IteratorResult<T>) => {
      if (result.done) return resolve();
      try {
        const pause = take(result.value);
        if (pause) pause.then(pull).catch(leave);
        else pull();
      } catch (error) {
        leave(error);
      }
    };
    const pull = () => void iterator.next().then(onResult, reject);
    pull();
  });
}
