import { throwIfAborted } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { fromErrorRecord, TabloomError, toErrorRecord } from '#lib/base/errors.ts';
import { createMutex } from '#lib/base/mutex.ts';
import type { LoadedModel } from '#lib/engine/spec.ts';
import type { Audience, Provider } from '#lib/peer/spec.ts';
import type { Measured } from '#lib/protocol/offer.ts';
import type { Settings } from '#lib/state/settings.ts';
import type { HoldReason, PauseReason, SharingView } from '#lib/state/sharing.ts';
import type { Benchmark } from './benchmark.ts';
import type { Library } from './library.ts';
import { createLive, type Live } from '#lib/base/live.ts';
import type { SettingsKeeper } from './settings.ts';
import { checkModelLimits } from './model-limits.ts';
import { audienceOf, initialSharing, reduceSharing } from './sharing.ts';
import type { Earner } from './wallet.ts';
import type { SharingEffect, SharingEvent } from './sharing-spec.ts';

/** Sharing of this device: runs {@link reduceSharing} and performs its effects. */
export interface Sharing {
  readonly view: Live<SharingView>;
  /** Resolves once sharing. @throws `identity-elsewhere`, `already-sharing`, `too-slow`, `aborted`, or what loading throws. */
  start(model: string): Promise<void>;
  /** Works in every phase; resolves once everything has ended. `why`: set if it is not the user who stops it. */
  stop(how: 'finish' | 'now', why?: PauseReason): Promise<void>;
  pause(): void;
  resume(): void;
  /** Sets or clears a reason to pause: battery, network, page. */
  hold(reason: HoldReason, state: 'on' | 'off'): void;
  /** Serves with this provider from now on. `self`: it may answer only this device. */
  serveWith(provider: Provider, reach: Audience): void;
  /**
   * What others pay from now on, also for a model that is shared already. @throws what opening the wallet throws, and changes nothing.
   */
  setPrices(prices: Settings['prices']): Promise<void>;
  /** Whether the browser discarded this tab while it was sharing. */
  noteDiscard(wasDiscarded: boolean): void;
}

export interface SharingComponents {
  readonly library: Pick<Library, 'view' | 'loaded' | 'load' | 'unload' | 'onLoaded' | 'onLost'>;
  readonly settings: SettingsKeeper;
  readonly clock: Clock;
  /** Measures the speed by which askers choose. Bounded in time. */
  readonly benchmark: (model: LoadedModel, options: { readonly signal: AbortSignal }) => Promise<Benchmark>;
  readonly wasDiscarded: boolean;
  readonly earner: Earner;
}

export function createSharing(components: SharingComponents): Sharing {
  const { library, settings, clock, benchmark, wasDiscarded, earner } = components;
  let state = initialSharing(wasDiscarded);
  const view = createLive(state.view);
  const starts = new Map<number, PromiseWithResolvers<void>>();
  let attempts = 0;
  let attemptAbort = new AbortController();
  let provider: Provider | undefined;
  let endListening: (() => void) | undefined;
  /** Slow effects, one at a time: the askers of a model are cut off before it is unloaded. */
  const slow = createMutex();
  const runSlow = (task: () => Promise<void>) => void slow.run(task).catch(() => undefined);

  const dispatch = (event: SharingEvent): void => {
    const [next, effects] = reduceSharing(state, event);
    state = next;
    view.set(state.view);
    for (const effect of effects) perform(effect);
  };

  const perform = (effect: SharingEffect): void => {
    switch (effect.type) {
      case 'load':
        attemptAbort = new AbortController();
        return void load(effect.model, effect.attempt, attemptAbort.signal);
      case 'measure':
        return void measure(effect.attempt, attemptAbort.signal);
      case 'abandon':
        return attemptAbort.abort();
      case 'conclude-start': {
        const waiting = starts.get(effect.attempt);
        starts.delete(effect.attempt);
        return effect.error ? waiting?.reject(fromErrorRecord(effect.error)) : waiting?.resolve();
      }
      case 'keep-consent': {
        const { consented } = settings.view.current;
        if (consented.includes(effect.model)) return;
        return void settings.change({ consented: [...consented, effect.model] }).catch(() => undefined);
      }
      case 'offer':
        return offer(effect.audience, effect.measured);
      case 'cut-off': {
        const serving = provider;
        return runSlow(async () => {
          await serving?.stop();
          await serving?.start();
        });
      }
      case 'unload':
        return runSlow(() => library.unload());
    }
  };

  /** A model that has a price and nowhere to be paid is not given away. */
  function offer(audience: Audience, measured?: Measured): void {
    const model = library.loaded;
    if (!model) return;
    // Whatever is thought of it elsewhere: the browser's own model answers nobody else.
    if (model.engine.name === 'prompt-api') return provider?.offerModel(model, { audience: 'self', measured });
    const price = audience === 'network' ? earner.priceOf(model.model.name) : 'free';
    if (price === 'closed') provider?.offerModel(model, { audience: 'self', measured });
    else provider?.offerModel(model, { audience, measured, price: price === 'free' ? undefined : price });
  }

  async function load(name: string, attempt: number, signal: AbortSignal): Promise<void> {
    try {
      // A model still being unloaded after an earlier sharing must not count as one that stays.
      await slow.idle();
      throwIfAborted(signal);
      checkModelLimits(name, library.view.current.models, settings.view.current);
      await earner.prepare(settings.view.current.prices);
      throwIfAborted(signal);
      const before = library.loaded;
      const model = await library.load(name, { signal });
      const stays = model === before;
      if (signal.aborted && !stays && library.loaded === model) await library.unload();
      throwIfAborted(signal);
      throwIfAborted(model.lost);
      if (library.loaded !== model) throw new TabloomError('aborted', 'The model was unloaded before it was shared.');
      dispatch({ type: 'model-loaded', attempt, stays });
    } catch (error) {
      dispatch({ type: 'load-failed', attempt, error: toErrorRecord(error) });
    }
  }

  async function measure(attempt: number, signal: AbortSignal): Promise<void> {
    try {
      const result = await benchmark(library.loaded!, { signal });
      dispatch({ type: 'measured', attempt, result, at: clock.now() });
    } catch (error) {
      dispatch({ type: 'measuring-failed', attempt, error: toErrorRecord(error) });
    }
  }

  library.onLoaded((model) => {
    if (model) return offer(audienceOf(state));
    for (const { artefact } of provider?.state.models ?? []) provider?.withdrawModel(artefact);
    dispatch({ type: 'model-gone' });
  });
  library.onLost(({ model, error }) => {
    dispatch({ type: 'model-lost', model, error, at: clock.now(), attempt: ++attempts });
  });

  return {
    view,
    start(model) {
      const attempt = ++attempts;
      const started = Promise.withResolvers<void>();
      starts.set(attempt, started);
      dispatch({ type: 'start-asked', model, attempt });
      return started.promise;
    },
    async stop(how, why) {
      dispatch({ type: 'stop-asked', how, why });
      await slow.idle();
      earner.entrust();
    },
    pause: () => dispatch({ type: 'pause-asked' }),
    resume: () => dispatch({ type: 'resume-asked' }),
    hold: (reason, to) => dispatch({ type: to === 'on' ? 'held' : 'released', reason }),
    serveWith(next, reach) {
      if (next === provider && reach === state.reach) return;
      endListening?.();
      provider = next;
      endListening = next.onState((counters) => dispatch({ type: 'provider-updated', counters, at: clock.now() }));
      dispatch({ type: 'provider-changed', reach, counters: next.state });
    },
    async setPrices(prices) {
      await earner.prepare(prices);
      await settings.change({ prices });
      offer(audienceOf(state));
    },
    noteDiscard: (discarded) => dispatch({ type: 'discard-noted', wasDiscarded: discarded }),
  };
}
