import type { Clock } from '#lib/base/clock.ts';
import { toErrorRecord, type ErrorRecord } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import { limit, type EngineLimits } from '#lib/engine/middleware/limit.ts';
import { meter, type MeteredEngine } from '#lib/engine/middleware/meter.ts';
import type { Engine, LoadedModel, ModelEntry } from '#lib/engine/spec.ts';
import type { Provider } from '#lib/peer/spec.ts';
import type { JobRefusal } from '#lib/peer/serve/admit.ts';
import type { Job } from '#lib/protocol/job.ts';
import type { Measured } from '#lib/protocol/offer.ts';
import type { BackendHealth } from './backend-health.ts';

/** Keeps models served: loads or finds them in the background, and again when they fail. */
export interface Serving {
  readonly state: ServingState;
  /** The model servers behind it; none for a model in this process. */
  readonly backends: readonly BackendHealth[];
  /** Concurrent answers of each model that may be served now. */
  readonly slots: readonly number[];
  /** Models that run on this machine's GPUs were measured, and as fast as is plausible. Never known of those in this process. */
  readonly isMeasured?: boolean | undefined;
  /** Why a job is not taken that could be served; undefined where it is. */
  refuse?(job: Job, asker: 'owner' | 'other'): JobRefusal | undefined;
  /** What was used at providers that are paid; undefined where there are none. */
  readonly upstream?: UpstreamUse | undefined;
  /** Starts loading and returns at once. */
  start(): void;
  /** Settles when the models are offered for the first time, or cannot be. */
  readonly ready: Promise<ServingState>;
  /** To be called when the provider has withdrawn a model. */
  onModelFailed(artefact: string, failure: ErrorRecord): void;
  /** Stops loading and retrying; a model that is offered stays offered. */
  cancel(): void;
  /** Releases everything. Drain the provider first. */
  stop(): Promise<void>;
}

export interface UpstreamUse {
  readonly requestsToday: number;
  readonly tokensToday: number;
}

export type ServingState =
  { readonly state: 'starting' | 'serving' | 'stopped' } | { readonly state: 'failed'; readonly error: ErrorRecord };

export interface ModelSupervisorComponents {
  readonly provider: Pick<Provider, 'offerModel'>;
  readonly engine: Engine;
  readonly model: ModelEntry;
  /** Concurrent answers. */
  readonly slots: number;
  readonly limits: EngineLimits;
  /** A startup benchmark, so that the first offer states the speed; undefined where it could not be measured. */
  readonly measure: (model: LoadedModel, options: { readonly signal: AbortSignal }) => Promise<Measured | undefined>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Delays before a retry, by consecutive failures; the last one repeats. */
const retryDelaysMs = [1_000, 5_000, 30_000, 120_000] as const;
const retryDelayMs = (failures: number): number => retryDelaysMs[failures] ?? retryDelaysMs.at(-1)!;
/** Failures that a retry cannot fix. */
const permanent = new Set(['model-corrupt', 'model-unknown', 'model-too-large', 'aborted']);

/** Keeps one model of an engine in this process served. */
export function createModelSupervisor({
  provider,
  engine,
  model,
  slots,
  limits,
  measure,
  clock,
  logger,
}: ModelSupervisorComponents): Serving {
  const life = new AbortController();
  const first = Promise.withResolvers<ServingState>();
  let state: ServingState = { state: 'starting' };
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
    slots: [slots],
    backends: [],
    ready: first.promise,
    start() {
      loading = attempt();
    },
    onModelFailed(artefact, failure) {
      if (life.signal.aborted || artefact !== model.artefact) return;
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
