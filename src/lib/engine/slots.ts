import { abortError, anySignal, throwIfAborted } from '#lib/base/abort.ts';
import { TabloomError } from '#lib/base/errors.ts';
import type { EngineEvent, EngineRequest, LoadedModel } from './spec.ts';

/** Runs one request; sees a signal that is always there. */
export type StartStream = (request: EngineRequest, signal: AbortSignal) => AsyncIterable<EngineEvent>;

export interface Slots {
  readonly doStream: LoadedModel['doStream'];
  /** Takes a slot for work that is no stream. @throws as `doStream` does. */
  hold<T>(work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal | undefined): Promise<T>;
  readonly running: number;
  /** Aborts what runs, waits until the engine has let go of it, and takes nothing more. Idempotent. */
  close(): Promise<void>;
}

interface Running {
  /** Undefined: no stream. */
  readonly iterator: AsyncIterator<EngineEvent> | undefined;
  readonly controller: AbortController;
  pending: Promise<unknown> | undefined;
}

/**
 * The contract of `doStream` around an engine's own loop: at most `count` at once (`busy` past it), an abort is thrown
 * as its coded error and never as a finish, exactly one `finish`, and the slot is free again only after the engine's
 * loop has run its cleanup.
 */
export function createSlots(count: number, start: StartStream): Slots {
  const running = new Set<Running>();
  let closed = false;

  const assertFree = (signal: AbortSignal | undefined) => {
    if (closed) throw new TabloomError('engine-failed', 'This model has been unloaded. Load it again.');
    if (running.size >= count)
      throw new TabloomError('busy', 'The model is answering already. Try again when it is done.');
    throwIfAborted(signal);
  };

  async function hold<T>(work: (signal: AbortSignal) => Promise<T>, outer: AbortSignal | undefined): Promise<T> {
    assertFree(outer);
    const controller = new AbortController();
    const signal = anySignal([outer, controller.signal]);
    const working = work(signal);
    const entry: Running = { iterator: undefined, controller, pending: working.catch(() => undefined) };
    running.add(entry);
    try {
      return await working;
    } catch (error) {
      throw signal.aborted ? abortError(signal) : error;
    } finally {
      running.delete(entry);
    }
  }

  async function* doStream(
    request: EngineRequest,
    options: { readonly signal?: AbortSignal | undefined },
  ): AsyncGenerator<EngineEvent> {
    assertFree(options.signal);
    const controller = new AbortController();
    const signal = anySignal([options.signal, controller.signal]);
    const iterator = start(request, signal)[Symbol.asyncIterator]();
    const entry: Running = { iterator, controller, pending: undefined };
    running.add(entry);
    let finished = false;
    try {
      for (;;) {
        const next = iterator.next();
        entry.pending = next.catch(() => undefined);
        const result = await next;
        entry.pending = undefined;
        if (!finished) throwIfAborted(signal);
        if (result.done) break;
        if (finished)
          throw new TabloomError('engine-failed', 'The engine went on after its end. Load the model again.');
        finished = result.value.type === 'finish';
        yield result.value;
        if (!finished) throwIfAborted(signal);
      }
      if (!finished)
        throw new TabloomError('engine-failed', 'The engine ended without a result. Load the model again.');
    } catch (error) {
      throw signal.aborted ? abortError(signal) : error;
    } finally {
      controller.abort();
      await iterator.return?.().catch(() => undefined);
      running.delete(entry);
    }
  }

  return {
    doStream,
    hold,
    get running() {
      return running.size;
    },
    async close() {
      closed = true;
      const left = [...running];
      // All are told before one is waited for: a slow one must not let the others go on.
      for (const { controller } of left) {
        controller.abort(new TabloomError('aborted', 'The model was unloaded while it answered.'));
      }
      for (const entry of left) {
        await entry.pending;
        await entry.iterator?.return?.().catch(() => undefined);
      }
    },
  };
}
