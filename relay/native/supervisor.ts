import type { Clock } from '#lib/base/clock.ts';
import { toErrorRecord, type ErrorRecord } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import { limit, type EngineLimits } from '#lib/engine/middleware/limit.ts';
import { meter, type MeteredEngine } from '#lib/engine/middleware/meter.ts';
import type { Engine, LoadedModel, ModelEntry } from '#lib/engine/spec.ts';
import type { Provider } from '#lib/peer/spec.ts';
import type { Measured } from '#lib/protocol/offer.ts';

/** Keeps one model served: loads it in the background, and again when its engine fails. */
export interface ModelSupervisor {
  readonly state: SupervisorState;
  /** Starts loading and returns at once. */
  start(): void;
  /** Settles when the model is offered for the first time, or cannot be. */
  readonly ready: Promise<SupervisorState>;
  /** To be called when the provider has withdrawn the model. */
  onModelFailed(failure: ErrorRecord): void;
  /** Stops loading and retrying; a model that is offered stays offered. */
  cancel(): void;
  /** Closes the engine. Drain the provider first. */
  stop(): Promise<void>;
}

export type SupervisorState =
  { readonly state: 'starting' | 'serving' | 'stopped' } | { readonly state: 'failed'; readonly error: ErrorRecord };

export interface ModelSupervisorComponents {
  readonly provider: Pick<Provider, 'offerModel'>;
  readonly engine: Engine;
  readonly model: ModelEntry;
  readonly limits: EngineLimits;
  /** A startup benchmark, so that the first offer states the speed; undefined where it could not be measured. */
  readonly measure: (model: LoadedModel, options: { readonly signal: AbortSignal }) => Promise<Measured | undefined>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Delays before a retry, by consecutive failures; the last one repeats. */
const retryDelaysMs = [1_000, 5_000, 30_000, 120_000] as const;
export const retryDelayMs = (failures: number): number => retryDelaysMs[failures] ?? retryDelaysMs.at(-1)!;
/** Failures that a retry cannot fix. */
const permanent = new Set(['model-corrupt', 'model-unknown', 'model-too-large', 'aborted']);

export function createModelSupervisor({
  provider,
  engine,
  model,
  limits,
  measure,
  clock,
  logger,
}: ModelSupervisorComponents): ModelSupervisor {
  const life = new AbortController();
  const first = Promise.withResolvers<SupervisorState>();
  let state: SupervisorState = { state: 'starting' };
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
      const delayMs = permanent.has(record.code) ? undefined : retryDelayMs(retries++);
      first.resolve(state);
      if (delayMs === undefined) return;
      await clock.delay(delayMs, { signal: life.signal }).catch(() => undefined);
      if (!life.signal.aborted) return attempt();
    }
    first.resolve(state);
  };

  const logCounts = () => {
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
      logCounts();
      loading = loading.then(attempt);
    },
    cancel: () => life.abort(),
    async stop() {
      life.abort();
      await loading;
      logCounts();
      state = { state: 'stopped' };
      first.resolve(state);
      await engine.close();
    },
  };
}

/** The models of one peer, started one after the other: a benchmark is only valid while nothing else runs. */
export interface SupervisorGroup extends Omit<ModelSupervisor, 'onModelFailed'> {
  /** To be called when the provider has withdrawn the model. */
  onModelFailed(artefact: string, failure: ErrorRecord): void;
}

export function createSupervisorGroup(supervisors: ReadonlyMap<string, ModelSupervisor>): SupervisorGroup {
  const all = [...supervisors.values()];
  /** Serving while any of them serves; otherwise the first failure. */
  const state = (): SupervisorState => {
    const states = all.map((supervisor) => supervisor.state);
    return states.find((one) => one.state === 'serving') ?? states.find((one) => one.state === 'failed') ?? states[0]!;
  };
  return {
    get state() {
      return state();
    },
    ready: Promise.all(all.map((supervisor) => supervisor.ready)).then(state),
    start() {
      void all.reduce(async (before, supervisor) => {
        await before;
        supervisor.start();
        await supervisor.ready;
      }, Promise.resolve());
    },
    onModelFailed: (artefact, failure) => supervisors.get(artefact)?.onModelFailed(failure),
    cancel() {
      for (const supervisor of all) supervisor.cancel();
    },
    async stop() {
      await Promise.all(all.map((supervisor) => supervisor.stop()));
    },
  };
}
