import type { Clock } from '#lib/base/clock.ts';

/**
 * Passes a source through and says `pause` each time it has been silent for `pauseMs()`. Nothing is lost or reordered:
 * the read that a pause interrupted goes on.
 */
export async function* withPauses<T>(
  source: AsyncIterable<T>,
  clock: Clock,
  pauseMs: () => number,
): AsyncGenerator<T | 'pause'> {
  const iterator = source[Symbol.asyncIterator]();
  let ended = false;
  try {
    for (;;) {
      const reading = iterator.next();
      for (;;) {
        const timer = new AbortController();
        const pause = clock.delay(pauseMs(), { signal: timer.signal }).then(
          () => 'pause' as const,
          () => 'pause' as const,
        );
        const result = await Promise.race([reading, pause]);
        timer.abort();
        if (result === 'pause') {
          yield 'pause';
          continue;
        }
        if (result.done) {
          ended = true;
          return;
        }
        yield result.value;
        break;
      }
    }
  } catch (error) {
    ended = true;
    throw error;
  } finally {
    // Not awaited: a source that waits for its peer would hold the reader who left.
    if (!ended) void iterator.return?.().then(undefined, () => undefined);
  }
}
