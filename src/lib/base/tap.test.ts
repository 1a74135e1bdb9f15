import { describe, expect, test } from 'vitest';
import { tap } from './tap.ts';

async function* numbers(log: string[], upTo = 3) {
  try {
    for (let number = 1; number <= upTo; number++) yield number;
  } finally {
    log.push('source over');
  }
}

const listeners = (log: string[]) => ({
  onRead: () => void log.push('read'),
  onValue: (value: number) => void log.push(`value ${value}`),
  onDone: () => void log.push('done'),
  onError: (error: unknown) => void log.push(`error ${String(error)}`),
  onEnd: () => void log.push('end'),
});

const collect = async (stream: AsyncIterable<number>) => {
  const seen: number[] = [];
  for await (const value of stream) seen.push(value);
  return seen;
};

describe('a stream that is watched', () => {
  test('passes everything on, and ends once', async () => {
    const log: string[] = [];
    const stream = tap(() => numbers(log, 2), listeners(log));
    expect(await collect(stream)).toEqual([1, 2]);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(log).toEqual(['read', 'value 1', 'read', 'value 2', 'read', 'source over', 'done', 'end']);
  });

  test('a reader that leaves ends the source first, and is no failure', async () => {
    const log: string[] = [];
    for await (const value of tap(() => numbers(log), listeners(log))) if (value === 1) break;
    expect(log).toEqual(['read', 'value 1', 'source over', 'end']);
  });

  test('a listener that throws fails the stream and ends the source', async () => {
    const log: string[] = [];
    const stream = tap(() => numbers(log), {
      ...listeners(log),
      onValue: () => {
        throw new Error('no');
      },
    });
    await expect(collect(stream)).rejects.toThrow('no');
    expect(log).toEqual(['read', 'source over', 'error Error: no', 'end']);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  test('what a listener makes of an error is thrown in its place', async () => {
    const log: string[] = [];
    const failing = tap(
      async () => {
        throw new Error('inner');
      },
      {
        onError: () => {
          throw new Error('outer');
        },
        onEnd: () => void log.push('end'),
      },
    );
    await expect(failing.next()).rejects.toThrow('outer');
    expect(log).toEqual(['end']);
  });

  test('nothing begins before the first read, and then nothing has to end', async () => {
    const log: string[] = [];
    const stream = tap(() => {
      log.push('begun');
      return numbers(log);
    }, listeners(log));
    await stream.return(undefined);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(log).toEqual([]);
  });

  test('a reader that leaves while it begins ends what has begun', async () => {
    const log: string[] = [];
    const { promise, resolve } = Promise.withResolvers<AsyncIterable<number>>();
    const stream = tap(() => promise, listeners(log));
    const first = stream.next();
    await stream.return(undefined);
    const source = { [Symbol.asyncIterator]: () => ({ next: expect.unreachable, return: async () => over(log) }) };
    resolve(source as unknown as AsyncIterable<number>);
    expect(await first).toEqual({ done: true, value: undefined });
    expect(log).toEqual(['end', 'source over']);
  });
});

function over(log: string[]) {
  log.push('source over');
  return { done: true, value: undefined };
}
