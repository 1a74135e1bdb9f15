import type { Clock } from '#lib/base/clock.ts';
import type { ErrorRecord } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Random } from '#lib/base/random.ts';
import { remoteModel } from '#lib/engine/catalog.ts';
import { createPool, type Pool } from '#lib/engine/middleware/pool.ts';
import type { runBenchmark } from '#lib/engine/run-benchmark.ts';
import type { EngineInfo } from '#lib/engine/spec.ts';
import type { Provider } from '#lib/peer/spec.ts';
import { jobRefusal, type JobRefusal } from '#lib/peer/serve/admit.ts';
import type { Tier } from '#lib/protocol/job.ts';
import { limits } from '#lib/protocol/limits.ts';
import { upstreamName, type Measured } from '#lib/protocol/offer.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import { bearsOut } from '../hardware.ts';
import type { Serving, ServingState } from '../supervisor.ts';
import { createAllowance, type Allowance } from './allowance.ts';
import type { BackendConfig } from './backend-config.ts';
import { createBackend, type Backend, type BackendModel } from './backend.ts';

export interface BridgeComponents {
  /** At least one. */
  readonly backends: readonly BackendConfig[];
  readonly provider: Pick<Provider, 'offerModel' | 'withdrawModel' | 'servedModels'>;
  /** Keeps what was spent at servers that are paid. */
  readonly storage: KeyValue;
  readonly measure: typeof runBenchmark;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Offers what the model servers have, each model once, from all servers that have it now. */
export function createBridge({ backends: configs, provider, ...components }: BridgeComponents): Serving {
  const { logger } = components;
  const allowances: Allowance[] = [];
  const backends: readonly Backend[] = configs.map((config) => {
    const { overflow, baseUrl } = config;
    const allowance = overflow && createAllowance({ ...components, limits: overflow, name: baseUrl });
    if (allowance) allowances.push(allowance);
    return createBackend({ ...components, config, allowance, onChange: (name) => refresh(name) });
  });
  /** Servers that are not paid, until it is known what they have. */
  const starting = new Set(backends.filter(({ config }) => config.overflow === undefined));
  for (const backend of starting) void backend.settled.then(() => starting.delete(backend));
  const pools = new Map<string, Pool>();
  const offered = new Set<string>();
  let isStopped = false;

  /** An offer names one engine, and servers of several kinds are no single one of them. */
  const engine = (): EngineInfo => {
    const build = backends.length === 1 ? backends[0]!.flavour : 'several';
    return { name: 'openai-compatible', build, deviceClass: 'remote' };
  };

  const poolOf = (name: string): Pool => {
    const known = pools.get(name);
    if (known) return known;
    const entry = remoteModel({ remoteName: name, contextTokens: limits.contextTokensMax });
    const pool = createPool(entry, engine());
    pools.set(name, pool);
    return pool;
  };

  const refresh = (name: string): void => {
    if (isStopped) return;
    const having = backends.flatMap(({ models, config: { weight, reserve } }) => {
      const one = models.get(name);
      return one ? [{ ...one, weight, reserve }] : [];
    });
    const pool = poolOf(name);
    pool.set(having);
    if (having.length === 0) {
      if (!offered.delete(name)) return;
      provider.withdrawModel(pool.model.model.artefact);
      // Its place may go to one that had none.
      const next = [...pools].find(([other, { model }]) => !offered.has(other) && model.slots > 0);
      if (next) refresh(next[0]);
      return;
    }
    if (!offered.has(name) && offered.size >= limits.offerModelsMax) {
      logger.warn('backend-models-full', { model: name, most: limits.offerModelsMax });
      return;
    }
    offered.add(name);
    const reserved = having.reduce((sum, { reserve }) => sum + reserve, 0);
    provider.offerModel(pool.model, { reserved, measured: slowest(having) });
    logger.info('backend-serving', { model: name, backends: having.length, slots: pool.model.slots });
  };

  /** What no server has all of is refused before it is taken. */
  const refuse: Serving['refuse'] = (job, asker) => {
    const name = [...offered].find((one) => poolOf(one).model.model.artefact === job.artefact);
    if (name === undefined) return undefined;
    if (!poolOf(name).canDo(job)) {
      return jobRefusal('feature-unavailable', 'No model server has all that this needs. Ask for less at once.');
    }
    return poolOf(name).model.upstream ? refusePaid(name, job.tier, asker) : undefined;
  };

  /** Another provider is paid for jobs of the open tier, and only where the model itself has no slot for the asker here. */
  const refusePaid = (paid: string, tier: Tier, asker: 'owner' | 'other'): JobRefusal | undefined => {
    if (tier !== 'open')
      return jobRefusal('refused-policy', 'Only jobs of the open tier are passed on. Ask another peer.');
    const own = [...offered].find((name) => upstreamName(name) === paid);
    // Nothing is spent before it is known what the owner's own servers have.
    if (own === undefined) {
      return starting.size === 0
        ? undefined
        : jobRefusal('refused-policy', 'Its own models are starting. Ask again soon.');
    }
    const { artefact: ownArtefact } = poolOf(own).model.model;
    const open = provider.servedModels('network')?.models.find((model) => model.artefact === ownArtefact);
    const hasRoom = asker === 'owner' ? poolOf(own).hasRoom : open !== undefined && open.running < open.slots;
    return hasRoom ? jobRefusal('refused-policy', `"${own}" has a free slot here. Ask for it.`) : undefined;
  };

  const state = (): ServingState => {
    if (isStopped) return { state: 'stopped' };
    if (offered.size > 0) return { state: 'serving' };
    const error = backends.map((backend) => backend.state.error).find((one) => one !== undefined);
    if (error) return { state: 'failed', error };
    const isStarting = backends.some((backend) => backend.state.phase === 'starting' || backend.state.isPreparing);
    return isStarting ? { state: 'starting' } : { state: 'failed', error: noModels };
  };

  return {
    get state() {
      return state();
    },
    refuse,
    get isMeasured() {
      return backends.some(({ config, models }) =>
        [...models.values()].some(({ measured }) => bearsOut(config.baseUrl, measured)),
      );
    },
    get upstream() {
      if (allowances.length === 0) return undefined;
      const spent = allowances.map((allowance) => allowance.spent);
      const sum = (each: readonly number[]) => each.reduce((all, one) => all + one, 0);
      return {
        requestsToday: sum(spent.map(({ requests }) => requests)),
        tokensToday: sum(spent.map(({ tokens }) => tokens)),
      };
    },
    get slots() {
      return [...offered].map((name) => poolOf(name).model.slots);
    },
    get backends() {
      return backends.map(({ label, state: { phase, error }, models }) => ({
        label,
        phase,
        models: models.size,
        problem: error && String(error.details?.['cause'] ?? error.code),
      }));
    },
    ready: Promise.all(backends.map(({ settled }) => settled)).then(state),
    start() {
      for (const backend of backends) backend.start();
    },
    onModelFailed(artefact, failure) {
      for (const name of offered) {
        if (poolOf(name).model.model.artefact !== artefact) continue;
        for (const backend of backends) backend.doubt(name, failure);
      }
    },
    cancel() {
      for (const backend of backends) void backend.stop();
    },
    async stop() {
      await Promise.all(backends.map((backend) => backend.stop()));
      isStopped = true;
    },
  };
}

const noModels: ErrorRecord = { code: 'load-failed', message: 'The model server lists no models. Add one to it.' };

/** What any of them keeps: a promise for the pool must hold wherever a request goes. */
function slowest(models: readonly BackendModel[]): Measured | undefined {
  const known = models.flatMap(({ measured }) => measured ?? []);
  if (known.length === 0) return undefined;
  return {
    decodeTps: Math.min(...known.map(({ decodeTps }) => decodeTps)),
    prefillTps: Math.min(...known.map(({ prefillTps }) => prefillTps)),
    ttftMs: Math.max(...known.map(({ ttftMs }) => ttftMs)),
  };
}
