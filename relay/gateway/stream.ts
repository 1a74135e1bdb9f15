import { released } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { expand } from '#lib/base/expand.ts';
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
  const release = () => void source.return();
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

  const write = writer(state);
  let isWritten = false;
  /** Text that follows other text says of the job how far it has come, and no more: it is counted with what comes next. */
  let [unreadText, unreadTokens] = ['', 0];
  let unreadAt: number | undefined;
  const countText = () => {
    if (unreadAt === undefined) return;
    const part = { type: 'text-delta', text: unreadText, tokens: unreadTokens } as const;
    state = reduceJob(state, { type: 'part-received', at: unreadAt, part });
    [unreadText, unreadTokens, unreadAt] = ['', 0, undefined];
  };
  const take = (event: JobEvent) => {
    const goesOn = state.phase === 'streaming' && state.attempts.at(-1)?.firstTokenAt !== undefined;
    if (!goesOn || event.type !== 'part-received' || event.part.type !== 'text-delta') {
      countText();
      state = reduceJob(state, event);
      return;
    }
    unreadText += event.part.text;
    unreadTokens += event.part.tokens;
    unreadAt = event.at;
  };

  const frames = expand(source, {
    begin: () => [
      write.begin(),
      ...early.flatMap((event) => (event.type === 'part-received' ? [write.part(event.part)] : [])),
    ],
    take: (event) => {
      if (event === 'keepalive') return [keepaliveComment];
      take(event);
      return event.type === 'part-received' ? [write.part(event.part)] : [];
    },
    end: () => {
      if (isWritten) return [];
      isWritten = true;
      countText();
      throwUnlessFinished(state, parsed);
      return [write.finish(state)];
    },
    fail: (error) => [write.fail(toHttpError(error))],
  });
  return { state, frames };
}

/** The frames of a streamed response, for whoever can write them to a socket without the streams of the web. */
const framesOf = new WeakMap<Response, AsyncGenerator<string>>();

export const streamedFrames = (response: Response): AsyncGenerator<string> | undefined => framesOf.get(response);

/** A slow reader slows the engine down, and one that leaves stops it. */
export function streamedResponse(
  frames: AsyncGenerator<string>,
  headers: Readonly<Record<string, string>>,
  onLeave: () => void,
): Response {
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        for (;;) {
          const { value, done: ended } = await frames.next();
          if (ended === true) return controller.close();
          // Some parts produce no event.
          if (value !== '') return controller.enqueue(encoder.encode(value));
        }
      },
      cancel: onLeave,
    },
    // Nothing is read before somebody asks for it.
    { highWaterMark: 0 },
  );
  const response = new Response(body, { headers });
  framesOf.set(response, frames);
  return response;
}

/**
 * Passes a source through and yields `keepalive` whenever it has been silent for `idleMs()` while it was read. Nothing is
 * lost or reordered: the pending read continues. There is one timer for the whole stream, not one for each event.
 */
function withKeepalive<T>(
  source: AsyncIterable<T>,
  clock: Clock,
  idleMs: () => number,
): AsyncIterableIterator<T | 'keepalive'> & { return(): Promise<IteratorResult<never>> } {
  const iterator = source[Symbol.asyncIterator]();
  const ended = new AbortController();
  let reading: Promise<IteratorResult<T>> | undefined;
  let isWatching = false;
  let isOver = false;
  let silentSinceMs = 0;
  /** Ends the read that waits, without what it waits for. */
  let endWait: ((result: IteratorResult<'keepalive'>) => void) | undefined;

  const watch = async () => {
    for (;;) {
      const leftMs = silentSinceMs + idleMs() - clock.elapsed();
      // Overdue where nobody is waiting: a reader that pauses must not make this a busy loop.
      await clock.delay(leftMs > 0 ? leftMs : idleMs(), { signal: ended.signal });
      if (clock.elapsed() - silentSinceMs >= idleMs()) endWait?.({ done: false, value: 'keepalive' });
    }
  };
  const end = () => {
    isOver = true;
    ended.abort(released);
  };

  return {
    next() {
      if (isOver) return Promise.resolve(over);
      silentSinceMs = clock.elapsed();
      const read = (reading ??= iterator.next());
      if (!isWatching) void watch().catch(() => undefined);
      isWatching = true;
      return new Promise((resolve, reject) => {
        let isWaiting = true;
        endWait = (result) => {
          isWaiting = false;
          endWait = undefined;
          resolve(result);
        };
        const onResult = (result: IteratorResult<T>) => {
          if (!isWaiting) return;
          reading = endWait = undefined;
          if (result.done) end();
          resolve(result);
        };
        const onFailure = (error: unknown) => {
          if (!isWaiting) return;
          end();
          reject(error);
        };
        read.then(onResult, onFailure);
      });
    },
    async return() {
      if (isOver) return over;
      end();
      endWait?.(over);
      // Not awaited: a source that is waiting for its peer would block a reader that has left.
      void iterator.return?.().then(undefined, () => undefined);
      return over;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

const over: IteratorResult<never> = { done: true, value: undefined };
