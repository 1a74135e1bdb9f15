import { abortError, throwIfAborted } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import type { Engine, EngineInfo, LoadedModel, LoadOptions, ModelEntry } from '../spec.ts';
import type { WorkerPort } from './port.ts';
import { openWorkerRpc, type WorkerRpc } from './rpc.ts';
import { scoreFrom } from './score.ts';
import { streamFrom } from './stream.ts';

export interface WorkerEngineOptions {
  /** Used until the worker reports its own info. */
  readonly info: EngineInfo;
  /** Starts the worker: `() => new Worker(new URL('…', import.meta.url), { type: 'module' })`. */
  readonly spawn: () => WorkerPort;
  readonly clock: Clock;
  /** How long a cancelled load or stream may take to stop before its worker is terminated. */
  readonly cancelGraceMs?: number;
  /** The same for a stream that is still in prefill. */
  readonly prefillGraceMs?: number;
}

/** Ample for finishing a token or closing a file. */
const cancelGraceMsDefault = 4_000;
/**
 * Prefill is a single step that WebLLM cannot interrupt, and a full context takes a slow GPU this long. Terminating the
 * worker earlier would discard the loaded model just because the user pressed Stop.
 */
const prefillGraceMsDefault = 60_000;

/**
 * An engine in a dedicated worker, spawned at the first load. One worker holds one model: another load, an unload, a
 * crash or a lost device terminates the worker, which frees all of its memory, and the next load starts a fresh one.
 */
export function createWorkerEngine(options: WorkerEngineOptions): Engine {
  const { clock, cancelGraceMs = cancelGraceMsDefault, prefillGraceMs = prefillGraceMsDefault } = options;
  let info = options.info;
  let current: WorkerRpc | undefined;
  let closed = false;

  const startSession = (): WorkerRpc => {
    if (closed) throw new TabloomError('engine-failed', 'This engine has been closed.');
    current?.end(new TabloomError('engine-failed', 'Another model has replaced this one. Load it again.'));
    try {
      current = openWorkerRpc(options.spawn(), {
        ready: (reported) => {
          info = reported;
        },
      });
      return current;
    } catch (cause) {
      throw new TabloomError('load-failed', 'The engine worker could not be started. Reload the page.', { cause });
    }
  };

  async function load(model: ModelEntry, { signal, onProgress }: LoadOptions): Promise<LoadedModel> {
    throwIfAborted(signal);
    const session = startSession();
    return new Promise<LoadedModel>((resolve, reject) => {
      const settled = new AbortController();
      const id = session.open({
        reply(reply) {
          // Progress that was in flight when the load was cancelled is stale.
          if (reply.type === 'progress') return signal?.aborted ? undefined : onProgress?.(reply.progress);
          if (reply.type !== 'loaded') return;
          session.release(id);
          signal?.removeEventListener('abort', onAbort);
          if (signal?.aborted) return fail(abortError(signal));
          settled.abort();
          info = reply.info;
          resolve(loadedModel(session, reply));
        },
        failed: (error) => fail(signal?.aborted ? abortError(signal) : error),
      });
      const fail = (error: TabloomError) => {
        signal?.removeEventListener('abort', onAbort);
        settled.abort();
        session.end(error);
        reject(error);
      };
      const onAbort = () => {
        session.send({ type: 'cancel', id });
        // Gives the worker time to store what it has verified; after that it is terminated regardless.
        clock.delay(cancelGraceMs, { signal: settled.signal }).then(
          () => fail(abortError(signal!)),
          () => undefined,
        );
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      session.send({ type: 'load', id, model });
    });
  }

  const loadedModel = (
    session: WorkerRpc,
    reply: Pick<LoadedModel, 'model' | 'kinds' | 'features' | 'contextTokens' | 'slots'> & {
      readonly info: EngineInfo;
      readonly canScore?: boolean | undefined;
    },
  ): LoadedModel => ({
    model: reply.model,
    engine: reply.info,
    contextTokens: reply.contextTokens,
    kinds: reply.kinds,
    features: reply.features,
    slots: reply.slots,
    doStream: (request, { signal }) => streamFrom(session, request, { signal, clock, cancelGraceMs, prefillGraceMs }),
    ...(reply.canScore
      ? { score: (request, { signal }) => scoreFrom(session, request, { signal, clock, graceMs: cancelGraceMs }) }
      : {}),
    async unload() {
      session.end(new TabloomError('aborted', 'The model was unloaded while answering.'));
    },
    lost: session.lost,
  });

  return {
    get info() {
      return info;
    },
    load,
    async close() {
      closed = true;
      current?.end(new TabloomError('aborted', 'The engine was closed.'));
    },
  };
}
