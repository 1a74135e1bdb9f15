import { released } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { initialJob, isOver, reduceJob, type JobState } from '#lib/peer/session/job-state.ts';
import type { JobEvent } from '#lib/peer/spec.ts';
import type { ChunkWriter } from './answer.ts';
import { throwUnlessFinished } from './collect.ts';
import { toHttpError } from './errors.ts';
import { gatewayLimits } from './limits.ts';
import type { ParsedRequest } from './request.ts';

export interface StartedStream {
  /** The job's state when the status line could be written. */
  readonly state: JobState;
  /** Server-sent events, ready to encode. Never throws: a failure is the last frame. */
  readonly frames: AsyncGenerator<string>;
}

export interface StreamOptions {
  readonly clock: Clock;
  /** Creates the writer once the worker is known. */
  readonly writer: (state: JobState) => ChunkWriter;
  /** Aborts when the client disconnects, which releases the job even while the body is not being read. */
  readonly signal: AbortSignal;
}

const keepaliveComment = ': ping\n\n';

/**
 * Waits until the answer starts, so that a refusal still gets its own status, but no longer than `statusHoldMs`; then
 * streams, with comments only while there is no data. @throws the job's error when it failed before that.
 */
export async function startStream(
  events: AsyncIterable<JobEvent>,
  parsed: ParsedRequest,
  { clock, writer, signal }: StreamOptions,
): Promise<StartedStream> {
  const holdUntil = clock.elapsed() + gatewayLimits.statusHoldMs;
  let holding = true;
  let state = initialJob;
  const early: JobEvent[] = [];
  const source = withKeepalive(events, clock, () => {
    const leftMs = holdUntil - clock.elapsed();
    return holding
      ? Math.min(gatewayLimits.keepaliveIntervalMs, Math.max(1, leftMs))
      : gatewayLimits.keepaliveIntervalMs;
  });
  const release = () => void source.return(undefined);
  signal.addEventListener('abort', release, { once: true });
  while (state.phase === 'routing' || state.phase === 'opening' || state.phase === 'queued') {
    const { value, done: ended } = await source.next();
    if (ended === true) throwUnlessFinished(state, parsed);
    else if (value !== 'keepalive') {
      state = reduceJob(state, value);
      early.push(value);
    } else if (clock.elapsed() >= holdUntil) break;
  }
  if (isOver(state) && state.phase !== 'finished') {
    release();
    throwUnlessFinished(state, parsed);
  }
  holding = false;

  async function* frames(): AsyncGenerator<string> {
    const write = writer(state);
    yield write.begin();
    try {
      for (const event of early) {
        if (event.type === 'part-received') yield write.part(event.part);
      }
      for await (const event of source) {
        if (event === 'keepalive') {
          yield keepaliveComment;
          continue;
        }
        state = reduceJob(state, event);
        if (event.type === 'part-received') yield write.part(event.part);
      }
      throwUnlessFinished(state, parsed);
      yield write.finish(state);
    } catch (error) {
      yield write.fail(toHttpError(error));
    }
  }
  return { state, frames: frames() };
}

/** A pull-based body: a slow reader slows the engine down, and one that disconnects stops it. */
export function streamBody(frames: AsyncGenerator<string>, onLeave: () => void): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      for (;;) {
        const { value, done: ended } = await frames.next();
        if (ended === true) return controller.close();
        // Some parts produce no event.
        if (value !== '') return controller.enqueue(encoder.encode(value));
      }
    },
    cancel: onLeave,
  });
}

/**
 * Passes a source through and yields `keepalive` whenever it has been silent for `idleMs()` while it was read. Nothing is
 * lost or reordered: the pending read continues. There is one timer for the whole stream, not one for each event.
 */
async function* withKeepalive<T>(
  source: AsyncIterable<T>,
  clock: Clock,
  idleMs: () => number,
): AsyncGenerator<T | 'keepalive'> {
  const iterator = source[Symbol.asyncIterator]();
  const ended = new AbortController();
  let isDone = false;
  let silentSinceMs = clock.elapsed();
  let onSilence: (() => void) | undefined;
  const watch = async () => {
    for (;;) {
      const leftMs = silentSinceMs + idleMs() - clock.elapsed();
      // Overdue where nobody is waiting: a reader that pauses must not make this a busy loop.
      await clock.delay(leftMs > 0 ? leftMs : idleMs(), { signal: ended.signal });
      if (clock.elapsed() - silentSinceMs >= idleMs()) onSilence?.();
    }
  };
  void watch().catch(() => undefined);
  try {
    for (;;) {
      silentSinceMs = clock.elapsed();
      let result: IteratorResult<T> | undefined;
      const reading = iterator.next();
      for (;;) {
        result = await new Promise<IteratorResult<T> | undefined>((resolve, reject) => {
          onSilence = () => resolve(undefined);
          reading.then(resolve, reject);
        });
        onSilence = undefined;
        if (result) break;
        yield 'keepalive';
        silentSinceMs = clock.elapsed();
      }
      if (result.done) {
        isDone = true;
        return;
      }
      yield result.value;
    }
  } catch (error) {
    isDone = true;
    throw error;
  } finally {
    ended.abort(released);
    // Not awaited: a source that is waiting for its peer would block a reader that has left.
    if (!isDone) void iterator.return?.().then(undefined, () => undefined);
  }
}
