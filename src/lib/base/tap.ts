/** What is to happen as a stream is read. */
export interface TapListeners<T> {
  /** The reader wants the next value. */
  readonly onRead?: (() => void) | undefined;
  readonly onValue?: ((value: T) => void) | undefined;
  /** The source has ended by itself. */
  readonly onDone?: (() => void) | undefined;
  /** The source, or a listener, has failed. What is thrown here takes the place of the error. */
  readonly onError?: ((error: unknown) => void) | undefined;
  /** After any of the ends, a reader that leaves included, once. */
  readonly onEnd?: (() => void) | undefined;
}

/**
 * A stream that tells of itself as it is read, one value at a time. `begin` is called at the first read, and may fail. By hand,
 * since a generator that passes values on makes four promises of each, and a token goes through several of these.
 */
export function tap<T>(
  begin: () => AsyncIterable<T> | Promise<AsyncIterable<T>>,
  { onRead, onValue, onDone, onError, onEnd }: TapListeners<T>,
): AsyncGenerator<T, undefined> {
  let source: AsyncIterator<T> | undefined;
  let hasBegun = false;
  let isLeaving = false;
  let isOver = false;

  const end = () => {
    if (isOver) return;
    isOver = true;
    onEnd?.();
  };
  const fail = async (error: unknown, leave: 'leave' | 'stay'): Promise<never> => {
    try {
      if (leave === 'leave') await source?.return?.();
      onError?.(error);
      throw error;
    } finally {
      end();
    }
  };
  const onResult = (result: IteratorResult<T>): IteratorResult<T, undefined> | Promise<never> => {
    try {
      if (!result.done) {
        onValue?.(result.value);
        return result;
      }
      onDone?.();
    } catch (error) {
      return fail(error, result.done ? 'stay' : 'leave');
    }
    end();
    return over;
  };

  const onFailure = (error: unknown) => fail(error, 'stay');
  const start = async () => {
    try {
      hasBegun = true;
      source = (await begin())[Symbol.asyncIterator]();
    } catch (error) {
      return fail(error, 'stay');
    }
    if (isLeaving) await source.return?.();
    return stream.next();
  };

  const stream: AsyncGenerator<T, undefined> = {
    next() {
      if (isOver) return Promise.resolve(over);
      if (!source) return start();
      onRead?.();
      return source.next().then(onResult, onFailure);
    },
    async return() {
      if (!isOver && hasBegun) {
        isLeaving = true;
        try {
          await source?.return?.();
        } finally {
          end();
        }
      }
      // One that was never read has not begun, and has nothing to end.
      isOver = true;
      return over;
    },
    async throw(error) {
      if (isOver || !hasBegun) throw error;
      return fail(error, 'leave');
    },
    [Symbol.asyncIterator]: () => stream,
    async [Symbol.asyncDispose]() {
      await stream.return(undefined);
    },
  };
  return stream;
}

const over: IteratorReturnResult<undefined> = { done: true, value: undefined };
