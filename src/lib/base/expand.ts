/** What the values of a stream become. */
export interface Expansion<In, Out> {
  /** What comes before the first value: asked at the first read. */
  readonly begin?: (() => readonly Out[]) | undefined;
  readonly take: (value: In) => readonly Out[];
  /** Whether nothing more of the source is wanted: asked after each of its values. */
  readonly isOver?: (() => boolean) | undefined;
  /** What follows the source's end, or `isOver` and the leaving of the source: asked again until there is nothing more. */
  readonly end?: (() => readonly Out[]) | undefined;
  /** What a failure, of the source or of what is asked here, becomes: the last values. It is thrown where this is left out, or throws. */
  readonly fail?: ((error: unknown) => readonly Out[]) | undefined;
}

/**
 * A stream of which each value is none, one or several of the result's. By hand, as `tap` is: a generator that loops over
 * another stream makes six promises of each value.
 */
export function expand<In, Out>(
  source: AsyncIterable<In>,
  { begin = () => [], take, isOver = () => false, end = () => [], fail = rethrow }: Expansion<In, Out>,
): AsyncGenerator<Out, undefined> {
  let iterator: AsyncIterator<In> | undefined;
  let values: readonly Out[] = [];
  let first = 0;
  /** `ending`: the source has ended, or has been left, and `end` is asked for more. */
  let state: 'open' | 'leaving' | 'ending' | 'over' = 'open';

  const given = (): IteratorResult<Out, undefined> => ({ done: false, value: values[first++]! });
  const set = (next: readonly Out[]) => {
    values = next;
    first = 0;
  };
  const failWith = (error: unknown): IteratorResult<Out, undefined> => {
    state = 'over';
    set(fail(error));
    return values.length > 0 ? given() : over;
  };
  const finish = (): IteratorResult<Out, undefined> => {
    // Where it throws, that is the end.
    state = 'over';
    try {
      set(end());
    } catch (error) {
      return failWith(error);
    }
    if (values.length === 0) return over;
    state = 'ending';
    return given();
  };
  const leave = async () => {
    state = 'over';
    set([]);
    await iterator?.return?.();
  };
  const leaveAndFinish = async () => {
    await leave();
    return finish();
  };
  const leaveAndFail = async (error: unknown) => {
    await leave();
    return failWith(error);
  };
  const onResult = (
    result: IteratorResult<In>,
  ): IteratorResult<Out, undefined> | Promise<IteratorResult<Out, undefined>> => {
    if (state === 'over') return over;
    if (result.done) return finish();
    try {
      set(take(result.value));
      if (isOver()) state = 'leaving';
    } catch (error) {
      return leaveAndFail(error);
    }
    return values.length > 0 ? given() : stream.next();
  };
  const onFailure = (error: unknown) => (state === 'over' ? over : failWith(error));

  const stream: AsyncGenerator<Out, undefined> = {
    next() {
      if (first < values.length) return Promise.resolve(given());
      if (state === 'over') return Promise.resolve(over);
      if (state === 'leaving') return leaveAndFinish();
      if (state === 'ending') return new Promise((resolve) => resolve(finish()));
      if (!iterator) {
        iterator = source[Symbol.asyncIterator]();
        set(begin());
        if (values.length > 0) return Promise.resolve(given());
      }
      return iterator.next().then(onResult, onFailure);
    },
    async return() {
      if (state === 'open' || state === 'leaving') await leave();
      state = 'over';
      set([]);
      return over;
    },
    async throw(error) {
      await stream.return(undefined);
      throw error;
    },
    [Symbol.asyncIterator]: () => stream,
    async [Symbol.asyncDispose]() {
      await stream.return(undefined);
    },
  };
  return stream;
}

const over: IteratorReturnResult<undefined> = { done: true, value: undefined };

function rethrow(error: unknown): never {
  throw error;
}
