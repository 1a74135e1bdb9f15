import { throwIfAborted } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { fromErrorRecord, TabloomError, toErrorRecord } from '#lib/base/errors.ts';
import { createMutex } from '#lib/base/mutex.ts';
import type { LoadedModel } from '#lib/engine/spec.ts';
import type { Audience, Provider } from '#lib/peer/spec.ts';
import type { Measured } from '#lib/protocol/offer.ts';
import type { Settings } from '#lib/state/settings.ts';
import { isServing, isStarting } from './sharing-phases.ts';
import type { HoldReason, PauseReason, SharingView } from '#lib/state/sharing.ts';
import type { Benchmark } from './benchmark.ts';
import type { Library } from './library.ts';
import { createLive, type Live } from '#lib/base/live.ts';
import type { SettingsKeeper } from './settings.ts';
import { checkModelLimits } from './model-limits.ts';
import { audienceOf, initialSharing, reduceSharing } from './sharing.ts';
import { sumUp } from './sharing-sum.ts';
import type { Earner } from './wallet.ts';
import type { SharingEffect, SharingEvent, SharingState } from './sharing-spec.ts';

/** Sharing of this device: runs {@link reduceSharing} for each of its models and performs the effects. */
export interface Sharing {
  readonly view: Live<SharingView>;
  /** Resolves once sharing. @throws `identity-elsewhere`, `already-sharing`, `too-slow`, `aborted`, or what loading throws. */
  start(model: string): Promise<void>;
  /** Works in every phase; resolves once everything has ended. */
  stop(how: 'finish' | 'now', options?: StopOptions): Promise<void>;
  pause(): void;
  resume(): void;
  /** Sets or clears a reason to pause: battery, network, page. */
  hold(reason: HoldReason, state: 'on' | 'off'): void;
  /** Serves with this provider from now on. `self`: it may answer only this device. */
  serveWith(provider: Provider, reach: Audience): void;
  /**
   * What others pay from now on, also for models that are shared already. @throws what opening the wallet throws, and changes nothing.
   */
  setPrices(prices: Settings['prices']): Promise<void>;
  /** Whether the browser discarded this tab while it was sharing. */
  noteDiscard(wasDiscarded: boolean): void;
  /** Whether others are being answered with this model, or soon will be. */
  isUsing(model: string): boolean;
  /** Does this in a slot of the machine, so that nothing else is at work meanwhile. */
  withSlot: Provider['withSlot'];
}

export interface StopOptions {
  /** All by default. */
  readonly model?: string | undefined;
  /** Set if it is not the user who stops it. */
  readonly why?: PauseReason | undefined;
}

export interface SharingComponents {
  readonly library: Pick<Library, 'view' | 'get' | 'all' | 'load' | 'unload' | 'onChange' | 'onLost'>;
  readonly settings: SettingsKeeper;
  readonly clock: Clock;
  /** Measures the speed by which askers choose. Bounded in time. */
  readonly benchmark: (model: LoadedModel, options: { readonly signal: AbortSignal }) => Promise<Benchmark>;
  readonly wasDiscarded: boolean;
  readonly earner: Earner;
}

/** One model's sharing. */
interface Run {
  state: SharingState;
  /** Of the load or the benchmark in progress. */
  abort: AbortController;
}

export function createSharing(components: SharingComponents): Sharing {
  const { library, settings, clock, benchmark, earner } = components;
  const view = createLive<SharingView>({ ...sumUp([], undefined), wasDiscarded: components.wasDiscarded });
  const runs = new Map<string, Run>();
  const starts = new Map<number, PromiseWithResolvers<void>>();
  const holds = new Set<HoldReason>();
  let attempts = 0;
  let reach: Audience = 'self';
  let provider: Provider | undefined;
  let endListening: (() => void) | undefined;
  /** Slow effects, one at a time: the askers of a model are cut off before it is unloaded. */
  const slow = createMutex();
  const runSlow = (task: () => Promise<void>) => void slow.run(task).catch(() => undefined);

  const show = () => {
    const states = [...runs.values()].map(({ state }) => state.view);
    view.change(sumUp(states, provider?.state.decodeTps));
  };
  const runOf = (model: string): Run => {
    const known = runs.get(model);
    if (known) return known;
    const run = {
      state: initialSharing(model, { reach, holds: [...holds], counters: countersOf(model) }),
      abort: new AbortController(),
    };
    runs.set(model, run);
    return run;
  };
  const countersOf = (model: string) => {
    const artefact = library.get(model)?.model.artefact;
    return artefact === undefined ? undefined : provider?.work(artefact);
  };

  const dispatch = (run: Run, event: SharingEvent): void => {
    const [next, effects] = reduceSharing(run.state, event);
    run.state = next;
    show();
    for (const effect of effects) perform(run, effect);
  };
  const dispatchAll = (event: SharingEvent): void => {
    for (const run of runs.values()) dispatch(run, event);
  };

  const perform = (run: Run, effect: SharingEffect): void => {
    const { model } = run.state.view;
    switch (effect.type) {
      case 'load':
        run.abort = new AbortController();
        return void load(run, effect.attempt, run.abort.signal);
      case 'measure':
        return void measure(run, effect.attempt, run.abort.signal);
      case 'abandon':
        return run.abort.abort();
      case 'conclude-start': {
        const waiting = starts.get(effect.attempt);
        starts.delete(effect.attempt);
        return effect.error ? waiting?.reject(fromErrorRecord(effect.error)) : waiting?.resolve();
      }
      case 'keep-consent':
        return keepConsent(model);
      case 'offer':
        return offer(model, effect.audience, effect.measured);
      case 'cut-off': {
        const [serving, artefact] = [provider, library.get(model)?.model.artefact];
        return artefact === undefined ? undefined : runSlow(async () => serving?.dismiss(artefact));
      }
      case 'unload':
        return runSlow(() => library.unload(model));
    }
  };

  /** For this device, and to be shared again when the page opens. */
  function keepConsent(model: string): void {
    const { consented, shared } = settings.view.current;
    const now = [...runs.values()].flatMap(({ state }) => (isServing(state.view) ? [state.view.model] : []));
    const change = {
      ...(consented.includes(model) ? {} : { consented: [...consented, model] }),
      ...(isSame(shared, now) ? {} : { shared: now }),
    };
    if (Object.keys(change).length > 0) void settings.change(change).catch(() => undefined);
  }

  /** A model that has a price and nowhere to be paid is not given away. */
  function offer(name: string, audience: Audience, measured?: Measured): void {
    const model = library.get(name);
    if (!model) return;
    // Whatever is thought of it elsewhere: the browser's own model answers nobody else.
    if (model.engine.name === 'prompt-api') return provider?.offerModel(model, { audience: 'self', measured });
    const price = audience === 'network' ? earner.priceOf(name) : 'free';
    if (price === 'closed') provider?.offerModel(model, { audience: 'self', measured });
    else if (price === 'free') provider?.offerModel(model, { audience, measured });
    else {
      const { full, ...idle } = price;
      provider?.offerModel(model, { audience, measured, price: idle, priceFull: full });
    }
  }
  const audienceNow = (model: string): Audience => {
    const run = runs.get(model);
    return run ? audienceOf(run.state) : 'self';
  };
  const offerAll = () => {
    for (const { model } of library.all()) offer(model.name, audienceNow(model.name));
  };

  async function load(run: Run, attempt: number, signal: AbortSignal): Promise<void> {
    const name = run.state.view.model;
    try {
      // A model still being unloaded after an earlier sharing must not count as one that stays.
      await slow.idle();
      throwIfAborted(signal);
      checkModelLimits(name, library.view.current.models, settings.view.current);
      await earner.prepare(settings.view.current.prices);
      throwIfAborted(signal);
      const before = library.get(name);
      const model = await library.load(name, { signal });
      const stays = model === before;
      if (signal.aborted && !stays && library.get(name) === model) await library.unload(name);
      throwIfAborted(signal);
      throwIfAborted(model.lost);
      if (library.get(name) !== model)
        throw new TabloomError('aborted', 'The model was unloaded before it was shared.');
      dispatch(run, { type: 'model-loaded', attempt, stays });
    } catch (error) {
      dispatch(run, { type: 'load-failed', attempt, error: toErrorRecord(error) });
    }
  }

  const withSlot: Provider['withSlot'] = (work, options) => (provider ? provider.withSlot(work, options) : work());

  /** With nothing else at work on this machine, or it would measure that too. */
  async function measure(run: Run, attempt: number, signal: AbortSignal): Promise<void> {
    try {
      const model = library.get(run.state.view.model)!;
      const work = () => benchmark(model, { signal });
      const result = await withSlot(work, { signal });
      dispatch(run, { type: 'measured', attempt, result, at: clock.now() });
    } catch (error) {
      dispatch(run, { type: 'measuring-failed', attempt, error: toErrorRecord(error) });
    }
  }

  library.onChange(({ type, model }) => {
    const { name, artefact } = model.model;
    if (type === 'loaded') return offer(name, audienceNow(name));
    provider?.withdrawModel(artefact);
    const run = runs.get(name);
    if (run) dispatch(run, { type: 'model-gone' });
  });
  library.onLost(({ model, error }) => {
    const run = runs.get(model);
    if (run) dispatch(run, { type: 'model-lost', error, at: clock.now(), attempt: ++attempts });
  });

  return {
    view,
    start(model) {
      const attempt = ++attempts;
      const started = Promise.withResolvers<void>();
      starts.set(attempt, started);
      if (view.current.wasDiscarded) view.change({ wasDiscarded: false });
      dispatch(runOf(model), { type: 'start-asked', attempt });
      return started.promise;
    },
    async stop(how, { model, why } = {}) {
      const stopped = model === undefined ? [...runs.values()] : [runs.get(model)];
      for (const run of stopped) if (run) dispatch(run, { type: 'stop-asked', how, why });
      const { shared } = settings.view.current;
      // One of several that is stopped is not shared again when the page opens; all of them are as they were.
      if (model !== undefined && view.current.models.some(isServing) && shared.includes(model))
        await settings.change({ shared: shared.filter((one) => one !== model) }).catch(() => undefined);
      await slow.idle();
      earner.entrust();
    },
    pause: () => dispatchAll({ type: 'pause-asked' }),
    resume() {
      // Whatever holds it now, the user has seen it.
      holds.clear();
      dispatchAll({ type: 'resume-asked' });
    },
    hold(reason, to) {
      if (to === 'on') holds.add(reason);
      else holds.delete(reason);
      dispatchAll({ type: to === 'on' ? 'held' : 'released', reason });
    },
    serveWith(next, nextReach) {
      if (next === provider && nextReach === reach) return;
      endListening?.();
      provider = next;
      reach = nextReach;
      endListening = next.onState(() => {
        for (const run of runs.values()) {
          const counters = countersOf(run.state.view.model);
          if (counters) dispatch(run, { type: 'provider-updated', counters, at: clock.now() });
        }
      });
      for (const run of runs.values())
        dispatch(run, {
          type: 'provider-changed',
          reach,
          counters: countersOf(run.state.view.model) ?? run.state.counters,
        });
      offerAll();
    },
    async setPrices(prices) {
      await earner.prepare(prices);
      await settings.change({ prices });
      offerAll();
    },
    noteDiscard: (wasDiscarded) => view.change({ wasDiscarded }),
    isUsing(model) {
      const run = runs.get(model);
      return run !== undefined && (isStarting(run.state.view) || isServing(run.state.view));
    },
    withSlot,
  };
}

const isSame = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && one.every((name, index) => name === other[index]);
