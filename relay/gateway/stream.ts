import type { Clock } from '#lib/base/clock.ts';
import { initialJob, isOver, reduceJob, type JobState } from '#lib/peer/session/job-state.ts';
import type { JobEvent } from '#lib/peer/spec.ts';
import type { ChunkWriter } from './answer.ts';
import { throwUnlessAnswered } from './collect.ts';
import { toHttpError } from './errors.ts';
import { gatewayLimits } from './limits.ts';
import type { Wish } from './request.ts';

export interface StreamBeginning {
  /** As far as it had come when the status line could be written. */
  readonly state: JobState;
  /** Server-sent events, ready to be encoded. Never throws: a failure is its last frame. */
  readonly frames: AsyncGenerator<string>;
}

export interface StreamOptions {
  readonly clock: Clock;
  /** Makes the writer once it is known who answers. */
  readonly writer: (state: JobState) => ChunkWriter;
  /** Aborts when the client has left: the job is let go even while nobody pulls. */
  readonly signal: AbortSignal;
}

const comment = ': ping\n\n';
const done = 'data: [DONE]\n\n';

/**
 * Waits until the answer begins, so that a refusal still has an honest status, but no longer than `statusHoldMs`; then
 * streams, data first and comments only while there is none. @throws the job's error when it failed before.
 */
export async function beginStream(
  events: AsyncIterable<JobEvent>,
  wish: Wish,
  { clock, writer, signal }: StreamOptions,
): Promise<StreamBeginning> {
  const holdUntil = clock.elapsed() + gatewayLimits.statusHoldMs;
  let holding = true;
  let state = initialJob;
  const early: JobEvent[] = [];
  const source = withPauses(events, clock, () => {
    const leftMs = holdUntil - clock.elapsed();
    return holding ? Math.min(gatewayLimits.pingIntervalMs, Math.max(1, leftMs)) : gatewayLimits.pingIntervalMs;
  });
  const letGo = () => void source.return(undefined);
  signal.addEventListener('abort', letGo, { once: true });
  while (state.phase === 'routing' || state.phase === 'opening' || state.phase === 'queued') {
    const { value, done: ended } = await source.next();
    if (ended === true) throwUnlessAnswered(state, wish);
    else if (value !== 'pause') {
      state = reduceJob(state, value);
      early.push(value);
    } else if (clock.elapsed() >= holdUntil) break;
  }
  if (isOver(state) && state.phase !== 'finished') {
    letGo();
    throwUnlessAnswered(state, wish);
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
        if (event === 'pause') {
          yield comment;
          continue;
        }
        state = reduceJob(state, event);
        if (event.type === 'part-received') yield write.part(event.part);
      }
      throwUnlessAnswered(state, wish);
      yield write.finish(state);
      yield done;
    } catch (error) {
      yield `data: ${JSON.stringify(toHttpError(error).body)}\n\n`;
    }
  }
  return { state, frames: frames() };
}

/** A body that is pulled: a client that reads slowly slows the engine down, one that leaves stops it. */
export function streamBody(frames: AsyncGenerator<string>, onLeave: () => void): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      for (;;) {
        const { value, done: ended } = await frames.next();
        if (ended === true) return controller.close();
        // A part may have nothing to show.
        if (value !== '') return controller.enqueue(encoder.encode(value));
      }
    },
    cancel: onLeave,
  });
}

/**
 * Passes a source through and says `pause` each time it has been silent for `pauseMs()`. Nothing is lost or reordered:
 * the read that a pause interrupted goes on.
 */
async function* withPauses<T>(
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
