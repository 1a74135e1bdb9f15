import { abortError, joinSignals, released, throwIfAborted, type JoinedSignals } from '#lib/base/abort.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { tap } from '#lib/base/tap.ts';
import type { EngineEvent, EngineRequest, LoadedModel } from './spec.ts';

/** Runs one request, with a signal that is always defined. */
export type StartStream = (request: EngineRequest, signal: AbortSignal) => AsyncIterable<EngineEvent>;

export interface Slots {
  readonly doStream: LoadedModel['doStream'];
  /** Takes a slot for work other than a stream. @throws as `doStream` does. */
  hold<T>(work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal | undefined): Promise<T>;
  readonly running: number;
  /** Aborts running work, waits until the engine has stopped it, and accepts nothing more. Idempotent. */
  close(): Promise<void>;
}

interface Running {
  /** Undefined for work other than a stream. */
  readonly iterator: AsyncIterator<EngineEvent> | undefined;
  readonly stop: JoinedSignals;
  pending: Promise<unknown> | undefined;
}

/**
 * Enforces the contract of `doStream` around an engine's own loop: at most `count` concurrent runs (`busy` beyond
 * that), an abort is thrown as its coded error and never reported as a finish, there is exactly one `finish`, and the
 * slot is freed only after the engine's loop has cleaned up.
 */
export function createSlots(count: number, start: StartStream): Slots {
  const running = new Set<Running>();
  let closed = false;

  const assertFree = (signal: AbortSignal | undefined) => {
    if (closed) throw new TabloomError('engine-failed', 'This model has been unloaded. Load it again.');
    if (running.size >= count)
      throw new TabloomError('busy', 'The model is busy with another answer. Try again when it is done.');
    throwIfAborted(signal);
  };

  async function hold<T>(work: (signal: AbortSignal) => Promise<T>, outer: AbortSignal | undefined): Promise<T> {
    assertFree(outer);
    const stop = joinSignals(outer ? [outer] : []);
    const { signal } = stop;
    const working = work(signal);
    const entry: Running = { iterator: undefined, stop, pending: working.catch(() => undefined) };
    running.add(entry);
    try {
      return await working;
    } catch (error) {
      throw signal.aborted ? abortError(signal) : error;
    } finally {
      stop.release();
      running.delete(entry);
    }
  }

  const doStream: LoadedModel['doStream'] = (request, options) => {
    let entry: Running | undefined;
    let finished = false;
    let hasLeft = false;

    const begin = (): AsyncIterable<EngineEvent> => {
      assertFree(options.signal);
      const stop = joinSignals(options.signal ? [options.signal] : []);
      const { signal } = stop;
      const iterator = start(request, signal)[Symbol.asyncIterator]();
      const run = (entry = { iterator, stop, pending: undefined as Promise<unknown> | undefined });
      running.add(run);
      const leave = async (): Promise<IteratorResult<EngineEvent>> => {
        hasLeft = true;
        stop.abort(released);
        await iterator.return?.().catch(() => undefined);
        return { done: true, value: undefined };
      };
      const next = (): Promise<IteratorResult<EngineEvent>> => {
        if (finished || !signal.aborted) return (run.pending = iterator.next());
        const error = abortError(signal);
        return leave().then(() => Promise.reject(error));
      };
      return { [Symbol.asyncIterator]: () => ({ next, return: leave }) };
    };

    return tap(begin, {
      onValue: ({ type }) => {
        if (finished)
          throw new TabloomError('engine-failed', 'The engine continued after its end. Load the model again.');
        throwIfAborted(entry?.stop.signal);
        finished = type === 'finish';
      },
      onDone: () => {
        if (finished) return;
        throwIfAborted(entry?.stop.signal);
        throw new TabloomError('engine-failed', 'The engine ended without a result. Load the model again.');
      },
      onError: () => {
        if (!hasLeft) throwIfAborted(entry?.stop.signal);
      },
      onEnd: () => {
        if (!entry) return;
        entry.stop.abort(released);
        running.delete(entry);
      },
    });
  };

  return {
    doStream,
    hold,
    get running() {
      return running.size;
    },
    async close() {
      closed = true;
      const left = [...running];
      // Abort all before waiting for any: a slow one must not keep the others running.
      for (const { stop } of left) {
        stop.abort(new TabloomError('aborted', 'The model was unloaded while answering.'));
      }
      for (const entry of left) {
        await entry.pending?.catch(() => undefined);
        await entry.iterator?.return?.().catch(() => undefined);
      }
    },
  };
}
