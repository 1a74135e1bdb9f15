import { throwIfAborted } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { errorCode, TabloomError, toErrorRecord, type ErrorRecord } from '#lib/base/errors.ts';
import type { LoadedModel } from '#lib/engine/spec.ts';
import type { Audience, Provider, ProviderState } from '#lib/peer/spec.ts';
import type { Measured } from '#lib/protocol/offer.ts';
import type { Library } from './library.ts';
import { createLive, type MutableLive } from './live.ts';
import type { SettingsKeeper } from './settings.ts';

/**
 * Lending this device. Whatever the phase, a loaded model answers this device itself; lending only widens its audience
 * to the network, so a pause never takes the person's own answers away.
 */
export interface Sharing {
  readonly view: MutableLive<SharingSnapshot>;
  start(model: string): Promise<void>;
  /** `why`: where it is not the person who stops it. */
  stop(how: 'finish' | 'now', why?: PauseReason): Promise<void>;
  pause(): void;
  resume(): void;
  /** A reason of the device's own: set or taken away by who watches battery, network and page. */
  hold(reason: HoldReason, state: 'on' | 'off'): void;
  /**
   * Serves with this provider from now on (the key changed hands, or a fresh one was made). `self`: it may answer this
   * device alone, since another tab holds the device's key.
   */
  serveWith(provider: Provider, reach: Audience): void;
}

export type HoldReason = 'battery' | 'metered' | 'frozen' | 'duty';
export type PauseReason = HoldReason | 'asked' | 'guest' | 'hours' | 'unloaded';

export interface SharingSnapshot {
  readonly phase: 'off' | 'loading' | 'sharing' | 'paused' | 'finishing' | 'failed';
  readonly why: PauseReason | undefined;
  readonly model: string | undefined;
  readonly startedAt: number | undefined;
  readonly running: number;
  readonly queued: number;
  readonly jobsDone: number;
  readonly jobsFailed: number;
  readonly jobsRefused: number;
  readonly tokensIn: number;
  readonly tokensOut: number;
  readonly decodeTps: number | undefined;
  readonly duty: number;
  readonly error: ErrorRecord | undefined;
  readonly wasDiscarded: boolean;
}

export interface SharingComponents {
  readonly library: Library;
  readonly settings: SettingsKeeper;
  readonly clock: Clock;
  /** Before others choose by speed there should be one. Bounded in time; undefined where it could not be found out. */
  readonly benchmark: (model: LoadedModel) => Promise<Measured | undefined>;
  readonly wasDiscarded: boolean;
}

const nothingDone = {
  running: 0,
  queued: 0,
  jobsDone: 0,
  jobsFailed: 0,
  jobsRefused: 0,
  tokensIn: 0,
  tokensOut: 0,
  decodeTps: undefined,
  duty: 0,
};

/** A model that is lost again so soon after it was loaded once more is left to the person. */
const reloadGapMs = 10 * 60_000;

export function createSharing({ library, settings, clock, benchmark, wasDiscarded }: SharingComponents): Sharing {
  const view = createLive<SharingSnapshot>({
    phase: 'off',
    why: undefined,
    model: undefined,
    startedAt: undefined,
    ...nothingDone,
    error: undefined,
    wasDiscarded,
  });
  const holds = new Set<HoldReason | 'asked'>();
  let provider: Provider | undefined;
  let reach: Audience = 'self';
  let endHearing: (() => void) | undefined;
  /** Counters of the provider when lending began: the meter shows this lending alone. */
  let base: ProviderState | undefined;
  let loadedByLending = false;
  let reloadedAt = Number.NEGATIVE_INFINITY;

  const lending = () => ['sharing', 'paused', 'finishing'].includes(view.current.phase);

  const assertMayLend = () => {
    if (reach === 'network') return;
    throw new TabloomError(
      'identity-elsewhere',
      'Only the tab that holds this device’s key can lend. Use it here first, or let Doctor say why that is not possible.',
    );
  };

  /** Puts the loaded model before the audience that the phase allows. */
  const offer = (model: LoadedModel | undefined = library.loaded) => {
    if (!provider || !model) return;
    provider.offerModel(model, { audience: view.current.phase === 'sharing' ? 'network' : 'self' });
  };

  const settle = () => {
    const { phase } = view.current;
    if (phase !== 'sharing' && phase !== 'paused') return;
    const [why] = [...holds];
    view.change({ phase: why ? 'paused' : 'sharing', why });
    offer();
  };

  const hear = (state: ProviderState) => {
    if (!lending() || !base) return;
    const elapsedMs = Math.max(1, clock.now() - (view.current.startedAt ?? clock.now()));
    view.change({
      running: state.running,
      queued: state.queued,
      jobsDone: state.jobsDone - base.jobsDone,
      jobsFailed: state.jobsFailed - base.jobsFailed,
      jobsRefused: state.jobsRefused - base.jobsRefused,
      tokensIn: state.tokensIn - base.tokensIn,
      tokensOut: state.tokensOut - base.tokensOut,
      decodeTps: state.decodeTps,
      duty: Math.min(1, (state.busyMs - base.busyMs) / elapsedMs),
    });
    if (view.current.phase === 'finishing' && state.running === 0 && state.queued === 0) void end(view.current.why);
  };

  async function end(why?: PauseReason): Promise<void> {
    view.change({ phase: 'off', why, startedAt: undefined, ...nothingDone });
    holds.delete('asked');
    offer();
    if (loadedByLending) await library.unload();
    loadedByLending = false;
  }

  library.onLoaded((model) => {
    if (!model) {
      for (const { artefact } of provider?.state.models ?? []) provider?.withdrawModel(artefact);
      if (lending()) void end('unloaded');
    } else offer(model);
  });

  library.onLost(({ model, error }) => {
    if (!lending()) return;
    const { phase, startedAt } = view.current;
    if (phase === 'finishing' || clock.now() - reloadedAt < reloadGapMs) return fail(error);
    reloadedAt = clock.now();
    view.change({ phase: 'loading', why: undefined, running: 0, queued: 0, error });
    void lend(model, startedAt).catch(() => undefined);
  });

  function fail(error: ErrorRecord | undefined): void {
    view.change({ phase: error ? 'failed' : 'off', why: undefined, startedAt: undefined, ...nothingDone, error });
    loadedByLending = false;
  }

  /** Loads and offers. With `since` it goes on from there: counters and hours are those of the lending that broke off. */
  async function lend(name: string, since?: number): Promise<void> {
    try {
      const before = library.loaded;
      const model = await library.load(name);
      loadedByLending = model !== before;
      assertMayLend();
      const measured = await benchmark(model);
      throwIfAborted(model.lost);
      if (library.loaded !== model) throw new TabloomError('aborted', 'The model was unloaded before it was lent.');
      const { consented } = settings.view.current;
      if (!consented.includes(name)) await settings.change({ consented: [...consented, name] }).catch(() => undefined);
      if (since === undefined) {
        base = provider?.state;
        view.change(nothingDone);
      }
      view.change({ phase: 'sharing', startedAt: since ?? clock.now(), error: undefined });
      provider?.offerModel(model, { audience: 'self', measured });
      settle();
    } catch (error) {
      fail(errorCode(error) === 'aborted' ? undefined : toErrorRecord(error));
      throw error;
    }
  }

  return {
    view,
    async start(name) {
      assertMayLend();
      if (lending()) return;
      view.change({ phase: 'loading', why: undefined, model: name, error: undefined, wasDiscarded: false });
      await lend(name);
    },
    async stop(how, why) {
      if (!lending()) return library.cancelLoad();
      if (how === 'finish' && provider && provider.state.running > 0) {
        view.change({ phase: 'finishing', why });
        return offer();
      }
      const serving = provider;
      await end(why);
      // What still runs for others ends here, with a word to them.
      if (serving && serving.state.running > 0) {
        await serving.stop();
        await serving.start();
      }
    },
    pause() {
      holds.add('asked');
      settle();
    },
    resume() {
      holds.clear();
      settle();
    },
    hold(reason, state) {
      if (state === 'on') holds.add(reason);
      else holds.delete(reason);
      settle();
    },
    serveWith(next, nextReach) {
      endHearing?.();
      provider = next;
      reach = nextReach;
      endHearing = next.onState(hear);
      base = next.state;
      if (reach === 'self' && lending()) void end('guest');
      else offer();
    },
  };
}
