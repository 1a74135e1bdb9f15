import { anySignal } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { tap } from '#lib/base/tap.ts';
import { errorCode, TabloomError, type ErrorRecord } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import { createNotifier } from '#lib/base/notifier.ts';
import type { Random } from '#lib/base/random.ts';
import { startDeadline } from '#lib/base/timeout.ts';
import { remoteModel } from '#lib/engine/catalog.ts';
import { createOpenAICompatibleEngine } from '#lib/engine/openai-compatible.ts';
import { listServerModels, type ServerModel } from '#lib/engine/remote/list-models.ts';
import type { ServerFlavour } from '#lib/engine/remote/request-body.ts';
import type { runBenchmark } from '#lib/engine/run-benchmark.ts';
import type { LoadedModel } from '#lib/engine/spec.ts';
import type { KindName } from '#lib/protocol/kinds/table.ts';
import type { Measured } from '#lib/protocol/offer.ts';
import { upstreamName } from '#lib/protocol/offer.ts';
import type { Allowance } from './allowance.ts';
import { isOffered, type BackendConfig } from './backend-config.ts';
import { initialBackend, reduceBackend, type BackendEffect, type BackendEvent } from './backend-state.ts';
import { askShortly, examine, withFeatures, type Examined } from './examine.ts';
import { paidUpstream } from './upstream.ts';
import { causeOf, failureOf, hasNoList } from './failure.ts';

/** One model of a server, as it can be offered now. */
export interface BackendModel {
  readonly model: LoadedModel;
  readonly measured: Measured | undefined;
}

/** Watches one model server all the time, and finds out what its models can do. */
export interface Backend {
  readonly config: BackendConfig;
  /** Host and port, for logs. */
  readonly label: string;
  readonly flavour: ServerFlavour;
  readonly state: {
    readonly phase: 'starting' | 'up' | 'down';
    /** One of its models is being found out, and may be served then. */
    readonly isPreparing: boolean;
    /** Why it is down, or why one of its models is failing. */
    readonly error: ErrorRecord | undefined;
  };
  /** What can be served now, by the name under which it is offered. */
  readonly models: ReadonlyMap<string, BackendModel>;
  /** Settles when it has been asked once, and each model it listed then can be served, has failed, or is taking long. */
  readonly settled: Promise<void>;
  /** The provider has stopped serving this model after failures. */
  doubt(name: string, error: ErrorRecord): void;
  start(): void;
  /** Stops watching; answers that run go on. */
  stop(): Promise<void>;
}

export interface BackendComponents {
  readonly config: BackendConfig;
  /** Of a server that is paid. */
  readonly allowance: Allowance | undefined;
  readonly measure: typeof runBenchmark;
  /** What is served, or how fast, has changed for the model of this name. */
  readonly onChange: (name: string) => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Between two lists. With as much time for a response, a dead server is noticed within 4 s. */
const listEveryMs = 2_000;
const listTimeoutMs = 2_000;
/** A deadline that comes so late was held up by this process: what had arrived by then is still unread. */
const heldUpMs = 200;
/** A server of others is not asked so often. */
const paidListEveryMs = 30_000;
/** A model is offered after this time although its features and speed are not known yet. */
const preparedWithinMs = 20_000;
/** Finding them out, loading the model included, is given up after this time. */
const prepareTimeoutMs = 180_000;
/** A trial may have to load the model. */
const trialTimeoutMs = 60_000;
/** An idle model's speed is measured again after a random time between these. */
const challengeMs = { least: 10 * 60_000, most: 30 * 60_000 } as const;
/** A speed below this part of the one stated replaces it. */
const driftMax = 0.8;
const contextTokensDefault = 4_096;

interface Facts extends Examined {
  /** Whether features and speed are known. */
  readonly prepared: boolean;
}

export function createBackend(components: BackendComponents): Backend {
  const { config, allowance, measure, onChange, clock, random, logger } = components;
  const { baseUrl, apiKey, fetch, slots } = config;
  const label = new URL(baseUrl).host;
  const life = new AbortController();
  const poke = createNotifier();
  const settled = Promise.withResolvers<void>();
  const facts = new Map<string, Facts>();
  const served = new Map<string, BackendModel>();
  /** Models whose server has no route for raw prompts. */
  const withoutRaw = new Set<string>();
  /** Trials and preparations that are under way. */
  const working = new Set<Promise<unknown>>();
  let state = initialBackend;
  let listedModels = new Map<string, ServerModel>();
  let flavour: ServerFlavour = config.flavour === 'detect' ? 'openai' : config.flavour;
  let heardMs = Number.NEGATIVE_INFINITY;
  let running = 0;
  let preparing: Promise<unknown> = Promise.resolve();
  let watching: Promise<unknown> = Promise.resolve();

  const nameOf = (model: string): string => {
    const name = Object.hasOwn(config.aliases, model) ? config.aliases[model]! : model;
    return allowance ? upstreamName(name) : name;
  };

  const dispatch = (event: BackendEvent): void => {
    const before = state;
    const [next, effects] = reduceBackend(before, event);
    state = next;
    if (next.phase !== before.phase) {
      // Another may come in its place.
      if (next.phase === 'down') withoutRaw.clear();
      if (next.phase === 'down') logger.warn('backend-down', { backend: label, ...causeOf(next.error) });
      else logger.info('backend-up', { backend: label, models: next.models.size });
    }
    for (const effect of effects) perform(effect);
  };

  const perform = (effect: BackendEffect): void => {
    switch (effect.type) {
      case 'prepare':
        return track(prepare(effect.model));
      case 'serve':
        return serve(effect.model);
      case 'withdraw':
        logger.warn('backend-model-withdrawn', { backend: label, model: effect.model });
        served.delete(nameOf(effect.model));
        return onChange(nameOf(effect.model));
      case 'try':
        return track(tryModel(effect.model, effect.afterMs));
      case 'list':
        return poke.notify();
    }
  };

  const track = (work: Promise<unknown>): void => {
    const one = work.catch(() => undefined).finally(() => working.delete(one));
    working.add(one);
  };

  const serve = (model: string): void => {
    const known = facts.get(model);
    if (!known) return;
    const loaded = { ...known.loaded, kinds: canDo(model, known.loaded) };
    served.set(nameOf(model), { model: observed(model, loaded), measured: known.measured });
    onChange(nameOf(model));
  };

  /** Reports how each request ends, except what its asker or the request itself is to blame for. */
  const observed = (name: string, loaded: LoadedModel): LoadedModel => ({
    ...loaded,
    doStream: (request, options) =>
      tap(
        () => {
          running += 1;
          return loaded.doStream(request, options);
        },
        {
          onValue: () => {
            heardMs = clock.elapsed();
          },
          onDone: () => dispatch({ type: 'request-done', model: name }),
          onError: (error) => {
            if (!options.signal?.aborted) noteFailure(name, request.kind, error);
          },
          onEnd: () => {
            running -= 1;
          },
        },
      ),
  });

  const noteFailure = (model: string, kind: KindName, error: unknown): void => {
    const code = errorCode(error);
    logger.warn('backend-request-failed', { backend: label, model, ...causeOf(error) });
    if (code === 'feature-unavailable' && kind === 'completion' && !withoutRaw.has(model)) {
      withoutRaw.add(model);
      if (served.has(nameOf(model))) serve(model);
    }
    if (code === 'engine-failed' || code === 'model-unknown')
      dispatch({ type: 'request-failed', model, error: failureOf(error) });
  };

  const canDo = (model: string, { kinds }: LoadedModel): LoadedModel['kinds'] =>
    withoutRaw.has(model) ? kinds.filter((kind) => kind !== 'completion') : kinds;

  const taskOf = (model: string) => (config.embeddingModels.includes(model) ? 'embedding' : 'text');
  const declared = config.features.filter((feature) => feature !== 'probe');
  const load = async (model: string, task: 'text' | 'embedding', signal: AbortSignal): Promise<LoadedModel> => {
    const options = { baseUrl, apiKey, fetch, flavour, slots, clock, task, checksList: false } as const;
    const engine = createOpenAICompatibleEngine(options);
    const contextTokens = config.contextTokens ?? listedModels.get(model)?.contextTokens ?? contextTokensDefault;
    const entry = remoteModel({ remoteName: model, name: nameOf(model), contextTokens });
    const loaded = withFeatures(await engine.load(entry, { signal }), task === 'text' ? declared : []);
    return allowance ? paidUpstream(loaded, allowance) : loaded;
  };
  const find = async (model: string, loaded: LoadedModel, signal: AbortSignal): Promise<void> => {
    signal.throwIfAborted();
    const loadForEmbeddings = () => load(model, 'embedding', signal);
    const probes = config.features.includes('probe');
    // Nothing is spent on finding out what a paid server can do.
    const found = allowance
      ? { loaded, measured: undefined }
      : await examine(loaded, { loadForEmbeddings, measure, seed: drawSeed(), probes, signal });
    facts.set(model, { ...found, prepared: true });
  };

  /** Loading, probing and measuring, within the time for all of it; once it is late, the model is offered without. */
  const prepare = async (model: string): Promise<void> => {
    const known = facts.get(model);
    if (known?.prepared) return dispatch({ type: 'prepared', model });
    const deadline = startDeadline(clock, prepareTimeoutMs, { signal: life.signal });
    const { signal } = deadline;
    try {
      const first = await load(model, taskOf(model), signal);
      facts.set(model, { loaded: first, measured: known?.measured, prepared: false });
      const late = new AbortController();
      clock.delay(preparedWithinMs, { signal: anySignal([late.signal, signal]) }).then(
        () => dispatch({ type: 'prepared', model }),
        () => undefined,
      );
      // One after the other: a speed is only true while nothing else runs.
      const turn = preparing.then(() => find(model, first, signal)).finally(() => late.abort());
      preparing = turn.catch(() => undefined);
      await turn;
      const wasLate = served.has(nameOf(model));
      dispatch({ type: 'prepared', model });
      if (wasLate) serve(model);
    } catch (error) {
      if (life.signal.aborted) return;
      logger.warn('backend-model-failed', { backend: label, model, ...causeOf(error) });
      dispatch({ type: 'trial-failed', model, error: failureOf(error) });
    } finally {
      deadline.clear();
    }
  };

  const tryModel = async (model: string, afterMs: number): Promise<void> => {
    if (afterMs > 0) await clock.delay(afterMs, { signal: life.signal });
    if (state.models.get(model)?.phase !== 'failing' && state.models.get(model)?.phase !== 'suspect') return;
    const known = facts.get(model);
    const deadline = startDeadline(clock, trialTimeoutMs, { signal: life.signal });
    try {
      if (known?.prepared) await askShortly(known.loaded, deadline.signal);
      else await find(model, known?.loaded ?? (await load(model, taskOf(model), deadline.signal)), deadline.signal);
      dispatch({ type: 'trial-done', model });
    } catch (error) {
      if (!life.signal.aborted) dispatch({ type: 'trial-failed', model, error: failureOf(error) });
    } finally {
      deadline.clear();
    }
  };

  /** @param wasHeldUp this process was late itself with the last list, which is asked for again, once. */
  const list = async (wasHeldUp: 'held-up' | 'in-time' = 'in-time'): Promise<void> => {
    const askedMs = clock.elapsed();
    const deadline = startDeadline(clock, listTimeoutMs, {
      signal: life.signal,
      error: () =>
        new TabloomError('load-failed', 'The model server does not respond. Start it or correct its address.'),
    });
    try {
      const all = await listServerModels({ baseUrl, apiKey, clock, fetch }, { signal: deadline.signal });
      listedModels = new Map(all.map((model) => [model.name, model]));
      if (config.flavour === 'detect' && state.phase === 'starting')
        flavour = all.find((model) => model.flavour !== 'openai')?.flavour ?? 'openai';
      dispatch({ type: 'listed', models: [...listedModels.keys()].filter((name) => isOffered(config, name)) });
    } catch (error) {
      if (life.signal.aborted) return;
      const named = [...config.allow, ...config.embeddingModels].filter((name) => !name.includes('*'));
      // Some servers have no list: what their owner named is taken to be there until a request shows otherwise.
      if (named.length > 0 && hasNoList(error)) return dispatch({ type: 'listed', models: named });
      const isLate = deadline.signal.aborted && clock.elapsed() - askedMs - listTimeoutMs > heldUpMs;
      if (isLate && wasHeldUp === 'in-time') return list('held-up');
      const heard = deadline.signal.aborted && heardMs > askedMs;
      dispatch({ type: 'unlisted', error: failureOf(error), heard });
    } finally {
      deadline.clear();
    }
  };

  const watch = async (): Promise<void> => {
    for (let isFirst = true; !life.signal.aborted; isFirst = false) {
      await list();
      if (isFirst) void Promise.all(working).then(() => settled.resolve());
      const waiting = new AbortController();
      const signal = anySignal([life.signal, waiting.signal]);
      await Promise.race([
        clock.delay(allowance ? paidListEveryMs : listEveryMs, { signal }),
        poke.wait({ signal }),
      ]).catch(() => undefined);
      waiting.abort();
    }
  };

  const drawSeed = () => Math.floor(random.float() * 2 ** 31);
  const challenge = async (): Promise<void> => {
    for (;;) {
      const { least, most } = challengeMs;
      await clock.delay(least + random.float() * (most - least), { signal: life.signal });
      const candidates = [...facts].filter(([model, { measured }]) => measured && served.has(nameOf(model)));
      const drawn = candidates[Math.floor(random.float() * candidates.length)];
      if (!drawn || running > 0) continue;
      const [model, known] = drawn;
      const measured = await measure(known.loaded, { signal: life.signal, seed: drawSeed() }).catch(() => undefined);
      // Another request shared the machine meanwhile: no fair measurement.
      if (!measured || !known.measured || running > 0) continue;
      if (measured.decodeTps >= driftMax * known.measured.decodeTps) continue;
      logger.warn('backend-model-slower', { backend: label, model, decodeTps: Math.round(measured.decodeTps) });
      facts.set(model, { ...known, measured });
      if (served.has(nameOf(model))) serve(model);
    }
  };

  return {
    config,
    label,
    get flavour() {
      return flavour;
    },
    get state() {
      const models = [...state.models.values()];
      const failing = models.find(({ error }) => error !== undefined)?.error;
      const isPreparing = models.some(({ phase }) => phase === 'preparing');
      return { phase: state.phase, isPreparing, error: state.error ?? failing };
    },
    models: served,
    settled: settled.promise,
    doubt(name, error) {
      for (const model of state.models.keys())
        if (nameOf(model) === name) dispatch({ type: 'withdrawn', model, error });
    },
    start() {
      watching = Promise.all([watch(), challenge().catch(() => undefined)]);
    },
    async stop() {
      life.abort(new TabloomError('aborted', 'The bridge to the model server was stopped.'));
      await watching;
      await Promise.all(working);
      settled.resolve();
    },
  };
}
