import type { Clock } from '#lib/base/clock.ts';
import { toErrorRecord, type ErrorRecord } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import { limit, type EngineLimits } from '#lib/engine/middleware/limit.ts';
import { meter, type MeteredEngine } from '#lib/engine/middleware/meter.ts';
import type { Engine, LoadedModel, ModelEntry } from '#lib/engine/spec.ts';
import type { Provider } from '#lib/peer/spec.ts';
import type { Measured } from '#lib/protocol/offer.ts';

/** One model on a provider: loaded in the background, loaded again when its engine breaks. */
export interface Floor {
  readonly state: FloorState;
  /** Begins loading and returns at once. */
  start(): void;
  /** Settles when the model is offered for the first time, or cannot be. */
  readonly ready: Promise<FloorState>;
  /** To be called when the provider took the model off its shelf. */
  onModelFailed(failure: ErrorRecord): void;
  /** Ends loading and trying again; what is offered stays. */
  cancel(): void;
  /** Gives the engine back. The provider is drained before. */
  stop(): Promise<void>;
}

export type FloorState =
  { readonly state: 'starting' | 'serving' | 'stopped' } | { readonly state: 'failed'; readonly error: ErrorRecord };

export interface FloorComponents {
  readonly provider: Pick<Provider, 'offerModel'>;
  readonly engine: Engine;
  readonly model: ModelEntry;
  readonly limits: EngineLimits;
  /** A start-up benchmark, so that the first offer says how fast this is; undefined where it could not be found out. */
  readonly measure: (model: LoadedModel, options: { readonly signal: AbortSignal }) => Promise<Measured | undefined>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Pauses before the model is loaded again, by failures in a row; the last one repeats. */
const retryPausesMs = [1_000, 5_000, 30_000, 120_000] as const;
/** What a new try cannot mend. */
const lasting = new Set(['model-corrupt', 'model-unknown', 'model-too-large', 'aborted']);

export function createFloor({ provider, engine, model, limits, measure, clock, logger }: FloorComponents): Floor {
  const life = new AbortController();
  const first = Promise.withResolvers<FloorState>();
  let state: FloorState = { state: 'starting' };
  let retries = 0;
  let serving: MeteredEngine | undefined;
  let loading: Promise<void> = Promise.resolve();

  const load = async () => {
    const { signal } = life;
    const loaded = await engine.load(model, { signal });
    const measured = await measure(loaded, { signal });
    serving = meter(limit(loaded, limits, { clock }));
    provider.offerModel(serving, { measured });
    retries = 0;
    state = { state: 'serving' };
    logger.info('native-serving', { model: model.name, decodeTps: Math.round(measured?.decodeTps ?? 0) });
  };
  const attempt = async (): Promise<void> => {
    try {
      await load();
    } catch (error) {
      if (life.signal.aborted) return first.resolve(state);
      const record = toErrorRecord(error);
      state = { state: 'failed', error: record };
      logger.warn('native-failed', { model: model.name, code: record.code });
      const pauseMs = lasting.has(record.code) ? undefined : (retryPausesMs[retries++] ?? retryPausesMs.at(-1)!);
      first.resolve(state);
      if (pauseMs === undefined) return;
      await clock.delay(pauseMs, { signal: life.signal }).catch(() => undefined);
      if (!life.signal.aborted) return attempt();
    }
    first.resolve(state);
  };

  const tellCounts = () => {
    if (serving) logger.info('native-served', { model: model.name, ...serving.counts });
    serving = undefined;
  };

  return {
    get state() {
      return state;
    },
    ready: first.promise,
    start() {
      loading = attempt();
    },
    onModelFailed(failure) {
      if (life.signal.aborted) return;
      state = { state: 'failed', error: failure };
      tellCounts();
      loading = loading.then(attempt);
    },
    cancel: () => life.abort(),
    async stop() {
      life.abort();
      await loading;
      tellCounts();
      state = { state: 'stopped' };
      first.resolve(state);
      await engine.close();
    },
  };
}

/** Several models of one peer, begun one after the other: a start-up benchmark counts only when nothing runs beside it. */
export interface Floors extends Omit<Floor, 'onModelFailed'> {
  /** To be called when the provider took the model off its shelf. */
  onModelFailed(artefact: string, failure: ErrorRecord): void;
}

export function joinFloors(floors: ReadonlyMap<string, Floor>): Floors {
  const all = [...floors.values()];
  /** Serving while one of them serves; else the first failure there is to tell. */
  const state = (): FloorState => {
    const states = all.map((floor) => floor.state);
    return states.find((one) => one.state === 'serving') ?? states.find((one) => one.state === 'failed') ?? states[0]!;
  };
  return {
    get state() {
      return state();
    },
    ready: Promise.all(all.map((floor) => floor.ready)).then(state),
    start() {
      void all.reduce(async (before, floor) => {
        await before;
        floor.start();
        await floor.ready;
      }, Promise.resolve());
    },
    onModelFailed: (artefact, failure) => floors.get(artefact)?.onModelFailed(failure),
    cancel() {
      for (const floor of all) floor.cancel();
    },
    async stop() {
      await Promise.all(all.map((floor) => floor.stop()));
    },
  };
}
