import { abortError, anySignal, raceSignal, throwIfAborted, type AbortOptions } from '#lib/base/abort.ts';
import { createEmitter } from '#lib/base/emitter.ts';
import { errorCode, TabloomError, toErrorRecord, type ErrorRecord } from '#lib/base/errors.ts';
import { createLive, type Live } from '#lib/base/live.ts';
import { tap } from '#lib/base/tap.ts';
import type { Engine, LoadedModel, ModelEntry } from '#lib/engine/spec.ts';
import type { LibraryView, LoadView } from '#lib/state/library.ts';
import type { ClaimedModel, MemoryClaims } from './memory-claims.ts';

/**
 * The models in this tab's memory, each in an engine of its own: a crash of one leaves the others. Together, and with those of the other
 * tabs of this browser, they take no more than the budget; the one that was used least recently makes room for the next.
 */
export interface ModelMemory {
  readonly view: Live<Pick<LibraryView, 'loads' | 'loaded'>>;
  get(name: string): LoadedModel | undefined;
  all(): readonly LoadedModel[];
  /** Whether it is loaded or being loaded. */
  has(name: string): boolean;
  /**
   * Loads a model, or returns it if it is loaded; several may load at once. Aborting the signal leaves the load, which is stopped
   * once no caller waits for it any more. @throws `memory-full` when models in use leave no room, `memory-full-elsewhere` when those of
   * other tabs do, and what loading throws.
   */
  load(model: ModelEntry, options?: AbortOptions): Promise<LoadedModel>;
  /** Stops this load, whether or not callers wait for it. */
  cancelLoad(name: string): void;
  unload(name: string): Promise<void>;
  /** Gives up a model, which its provider found to be broken. */
  lose(artefact: string, error: TabloomError): void;
  /** Calls back as a model comes and goes. */
  onChange(listener: (change: MemoryChange) => void): () => void;
  /**
   * Calls back when a model has stopped working without being unloaded: its worker crashed, its device was lost, or it was
   * reported broken. Called before `onChange` reports that it is gone.
   */
  onLost(listener: (loss: ModelLoss) => void): () => void;
  close(): Promise<void>;
}

export interface MemoryChange {
  readonly type: 'loaded' | 'unloaded';
  readonly model: LoadedModel;
}

export interface ModelLoss {
  readonly model: string;
  readonly error: ErrorRecord;
}

export interface ModelMemoryComponents {
  /** A new engine for this model. @throws `model-unknown`. */
  readonly createEngine: (model: ModelEntry) => Engine;
  /** Bytes that all models together may take. One alone may take more: whether it fits the device was asked before. */
  readonly budgetBytes: () => number;
  /** What other tabs have in memory; undefined: nothing. */
  readonly claims?: MemoryClaims | undefined;
  /** Whether it must not make room for another: others are being answered with it. */
  readonly isKept: (name: string) => boolean;
  /** Awaited before an engine is spawned, so that its code is cached for offline use. */
  readonly beforeLoad: () => Promise<void>;
  /** A load has ended; the size of its files as it was told, 0 if it was not. */
  readonly onSettled: (model: ModelEntry, totalBytes: number) => void;
}

interface Loading {
  readonly model: ModelEntry;
  readonly abort: AbortController;
  readonly done: Promise<LoadedModel>;
  /** Callers that wait for it. */
  waiting: number;
  /** Its memory is spoken for. */
  hasRoom: boolean;
  /** Of its files, as the load has told it; 0 before. */
  totalBytes: number;
}

interface Held {
  readonly loaded: LoadedModel;
  readonly engine: Engine;
  readonly endClaim: () => void;
  /** Answers in progress. */
  running: number;
}

/** Of the budget: what a model of another tab may take without being counted. The bundled one is in many tabs, and in nobody's way. */
const smallShare = 1 / 8;

export function createModelMemory(components: ModelMemoryComponents): ModelMemory {
  /** By name, the one that was used least recently first. */
  const held = new Map<string, Held>();
  const loadings = new Map<string, Loading>();
  const changes = createEmitter<MemoryChange>();
  const losses = createEmitter<ModelLoss>();
  const view = createLive<Pick<LibraryView, 'loads' | 'loaded'>>({ loads: [], loaded: [] });

  const show = (model: ModelEntry, progress: Partial<LoadView>) => {
    const { loads } = view.current;
    const before = loads.find((load) => load.model === model.name);
    const next = { ...(before ?? idle), ...progress, model: model.name };
    view.change({ loads: before ? loads.map((load) => (load === before ? next : load)) : [...loads, next] });
  };
  const hide = (name: string) => view.change({ loads: view.current.loads.filter(({ model }) => model !== name) });

  /** Takes what was used least recently out of memory until there is room, or nothing at all if that is not enough. */
  async function makeRoom(loading: Loading): Promise<void> {
    const claimed = (await components.claims?.others()) ?? [];
    const others = claimed.filter(({ memoryBytes }) => memoryBytes > components.budgetBytes() * smallShare);
    for (;;) {
      throwIfAborted(loading.abort.signal);
      const coming = [...loadings.values()].filter((other) => other !== loading && other.hasRoom);
      const isInUse = ([name, { running }]: readonly [string, Held]) => running > 0 || components.isKept(name);
      const fixed = [
        ...coming.map(({ model }) => model),
        ...[...held].filter(isInUse).map(([, { loaded }]) => loaded.model),
      ];
      const max = components.budgetBytes() - bytesOf(others);
      const need = loading.model.memoryBytes;
      if (fixed.length > 0 && bytesOf(fixed) + need > max + bytesOf(others)) throw memoryFull(loading.model, fixed);
      if (others.length > 0 && bytesOf(fixed) + need > max) throw fullElsewhere(loading.model, others);
      const all = [...coming.map(({ model }) => model), ...[...held.values()].map(({ loaded }) => loaded.model)];
      const first = [...held].find((one) => !isInUse(one));
      if (!first || bytesOf(all) + need <= max) {
        loading.hasRoom = true;
        return;
      }
      await unload(first[0]);
    }
  }

  async function run(loading: Loading): Promise<LoadedModel> {
    const { model, abort } = loading;
    const { signal } = abort;
    await components.beforeLoad();
    // Before it is asked what others claim: of two tabs that load at once, one at least knows of the other.
    const endClaim = components.claims?.claim(model) ?? (() => undefined);
    let engine: Engine;
    try {
      // As late as possible: a load that is cancelled at once costs no model its place.
      await makeRoom(loading);
      throwIfAborted(signal);
      engine = components.createEngine(model);
    } catch (error) {
      endClaim();
      throw error;
    }
    try {
      const result = await engine.load(model, {
        signal,
        onProgress: ({ totalBytes, ...progress }) => {
          loading.totalBytes = totalBytes || loading.totalBytes;
          if (!signal.aborted) show(model, { ...progress, totalBytes: totalBytes || model.sizeBytes });
        },
      });
      if (signal.aborted) await result.unload();
      throwIfAborted(signal);
      throwIfAborted(result.lost);
      return hold(result, engine, endClaim);
    } catch (error) {
      await engine.close().catch(() => undefined);
      endClaim();
      throw error;
    }
  }

  function hold(result: LoadedModel, engine: Engine, endClaim: () => void): LoadedModel {
    const { name } = result.model;
    const enter = () => {
      one.running += 1;
      touch(name, one);
    };
    const leave = () => {
      one.running -= 1;
    };
    const { score } = result;
    const loaded: LoadedModel = {
      ...result,
      doStream: (request, options) => {
        const begin = () => {
          enter();
          return result.doStream(request, options);
        };
        return tap(begin, { onEnd: leave });
      },
      ...(score && {
        score: async (request, options) => {
          enter();
          try {
            return await score(request, options);
          } finally {
            leave();
          }
        },
      }),
    };
    const one: Held = { engine, endClaim, running: 0, loaded };
    held.set(name, one);
    hide(name);
    view.change({ loaded: [name, ...view.current.loaded] });
    changes.emit({ type: 'loaded', model: one.loaded });
    result.lost?.addEventListener('abort', () => lose(one, abortError(result.lost!)), { once: true });
    return one.loaded;
  }

  const touch = (name: string, one: Held) => {
    if (held.get(name) !== one) return;
    held.delete(name);
    held.set(name, one);
  };

  /** From now on it is not there for anybody. */
  function drop({ loaded: model }: Held): void {
    const { name } = model.model;
    held.delete(name);
    view.change({ loaded: view.current.loaded.filter((one) => one !== name) });
    changes.emit({ type: 'unloaded', model });
  }

  function lose(one: Held, failure: TabloomError): void {
    const { model } = one.loaded;
    if (held.get(model.name) !== one) return;
    const error = toErrorRecord(failure);
    show(model, { ...idle, phase: 'failed', error });
    losses.emit({ model: model.name, error });
    drop(one);
    void free(one).catch(() => undefined);
  }

  async function free({ loaded, engine, endClaim }: Held): Promise<void> {
    try {
      await loaded.unload();
      await engine.close();
    } finally {
      endClaim();
    }
  }

  async function unload(name: string): Promise<void> {
    const one = held.get(name);
    if (!one) return;
    drop(one);
    await free(one);
  }

  function begin(model: ModelEntry): Loading {
    const before = loadings.get(model.name);
    const abort = new AbortController();
    const isLatest = () => loadings.get(model.name)?.abort === abort;
    let loading: Loading | undefined;
    // Shows its size at once, before the first byte.
    hide(model.name);
    show(model, { ...idle, totalBytes: model.sizeBytes });
    const done = (async () => {
      try {
        // Given up, and its worker may still be storing what it has.
        await before?.done.catch(() => undefined);
        throwIfAborted(abort.signal);
        return await run(loading!);
      } catch (error) {
        if (isLatest() && errorCode(error) === 'aborted') hide(model.name);
        else if (isLatest()) show(model, { phase: 'failed', error: toErrorRecord(error) });
        throw error;
      } finally {
        if (isLatest()) loadings.delete(model.name);
        components.onSettled(model, loading?.totalBytes ?? 0);
      }
    })();
    done.catch(() => undefined);
    return (loading = { model, abort, done, waiting: 0, hasRoom: false, totalBytes: 0 });
  }

  function stop(stopped: Loading): void {
    if (loadings.get(stopped.model.name) !== stopped || stopped.abort.signal.aborted) return;
    stopped.abort.abort();
    hide(stopped.model.name);
  }

  return {
    view,
    get: (name) => held.get(name)?.loaded,
    all: () => [...held.values()].map(({ loaded }) => loaded),
    has: (name) => held.has(name) || loadings.has(name),
    async load(model, { signal } = {}) {
      throwIfAborted(signal);
      const known = held.get(model.name);
      if (known) {
        touch(model.name, known);
        return known.loaded;
      }
      // Known at once, so that later callers wait for this same load; but not for one that was given up.
      let mine = loadings.get(model.name);
      if (!mine || mine.abort.signal.aborted) loadings.set(model.name, (mine = begin(model)));
      mine.waiting += 1;
      try {
        return await raceSignal(mine.done, anySignal([signal, mine.abort.signal]));
      } finally {
        mine.waiting -= 1;
        if (mine.waiting === 0) stop(mine);
      }
    },
    cancelLoad(name) {
      const loading = loadings.get(name);
      if (loading) stop(loading);
    },
    unload,
    lose(artefact, error) {
      const one = [...held.values()].find(({ loaded }) => loaded.model.artefact === artefact);
      if (one) lose(one, error);
    },
    onChange: changes.listen,
    onLost: losses.listen,
    async close() {
      for (const loading of loadings.values()) stop(loading);
      await Promise.all([...held.keys()].map(unload));
    },
  };
}

const bytesOf = (models: readonly ClaimedModel[]): number =>
  models.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0);

const memoryFull = (model: ModelEntry, inUse: readonly ModelEntry[]): TabloomError =>
  new TabloomError(
    'memory-full',
    `With the models that are in use, ${model.title} would take more memory than you allow. Stop sharing one of them or wait for its answer, unload it, or raise the limit.`,
    { details: { inUse: inUse.map(({ name }) => name) } },
  );

const fullElsewhere = (model: ModelEntry, others: readonly ClaimedModel[]): TabloomError =>
  new TabloomError(
    'memory-full-elsewhere',
    `With what other tabs of this browser have in memory, ${model.title} would take more than you allow. Close them, ask there, or raise the limit.`,
    { details: { others: others.map(({ name }) => name) } },
  );

const idle: Omit<LoadView, 'model'> = {
  phase: 'download',
  loadedBytes: 0,
  totalBytes: 0,
  elapsedMs: 0,
  remainingMs: undefined,
  fromCache: false,
  error: undefined,
};
