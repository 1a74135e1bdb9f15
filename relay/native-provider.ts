import { dirname, join } from 'node:path';
import type { AbortOptions } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { toErrorRecord } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Random } from '#lib/base/random.ts';
import type { Startable } from '#lib/base/startable.ts';
import type { Peer } from '#lib/peer/peer.ts';
import type { Scorer, ServedModels } from '#lib/peer/spec.ts';
import { jobRefusal } from '#lib/peer/serve/admit.ts';
import { createSigner, type Signer } from '#lib/protocol/envelope.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import type { SqliteStorage } from './storage/sqlite.ts';
import type { BackendHealth } from './native/backend-health.ts';
import type { BackendConfig } from './native/bridge/backend-config.ts';
import type { Earnings } from './earnings.ts';
import type { NativePeer, NativePeerComponents } from './native/native-peer.ts';
import type { ServingState, UpstreamUse } from './native/supervisor.ts';

/** The bundled model, next to the pages. */
export const bundledModelFile = join(dirname(import.meta.dirname), 'static', 'models', 'tabloom-demo.gguf');

/** A native provider, in a relay or as a process of its own; started in the background, and started again if it fails. */
export interface NativeProvider {
  /** Its id, once its key is read. */
  readonly self: PeerId | undefined;
  readonly state: NativeState;
  readonly activity: NativeActivity;
  readonly running: number;
  readonly queued: number;
  /** What was used at providers that are paid. */
  readonly upstream: UpstreamUse | undefined;
  /** Of the models that are loaded in this process. */
  readonly scorer: Scorer;
  /** Settles when it serves, has failed for the first time, or is off. */
  readonly ready: Promise<NativeState>;
  /** Answers only gateways from now on, whose clients are waiting, and peers of the owner; everyone else is refused as `draining`. */
  closeToOthers(): void;
  /** Lets what runs or waits finish until the signal aborts, then releases everything. */
  stop(options: { readonly signal: AbortSignal }): Promise<void>;
}

/** The engine of the models beside this gateway, as they are offered to it; undefined while they are not. */
export const engineOf = ({ directory }: Pick<Peer, 'directory'>, { self }: Pick<NativeProvider, 'self'>) =>
  self === undefined ? undefined : directory.get(self)?.offer.engine;

/** What it has done since the start, and with what. */
export interface NativeActivity {
  readonly served: number;
  readonly failed: number;
  readonly tokensOut: number;
  /** Peers that it is connected to. */
  readonly peers: number;
  /** As they are offered now. */
  readonly models: ServedModels['models'];
  readonly backends: readonly BackendHealth[];
}

const noActivity: NativeActivity = { served: 0, failed: 0, tokensOut: 0, peers: 0, models: [], backends: [] };

export type NativeState = ServingState | { readonly state: 'off' };

export interface NativeProviderInput extends Pick<
  NativePeerComponents,
  'net' | 'isGateway' | 'isOwners' | 'isBought' | 'isExempt' | 'tiers' | 'hardwareCard' | 'audience'
> {
  /** Opens what outlives the process; called once. */
  readonly open: () => Promise<{ readonly storage: SqliteStorage; readonly seed: Uint8Array }>;
  /** How its answers are paid for; undefined where they are free. */
  readonly earn: (storage: KeyValue) => Promise<Earnings | undefined>;
  /** Its part in audits, once its peer runs; undefined where it has none. */
  readonly audits?: ((peer: Peer, storage: KeyValue, signer: Signer) => Promise<Startable | undefined>) | undefined;
  /** The bundled model's file. */
  readonly modelFile: string;
  /** Model servers, used in place of the bundled model. */
  readonly backends: readonly BackendConfig[];
  /** Resolves when others can find the peer that serves, or after a while. */
  readonly listed: (peer: Peer, options: AbortOptions) => Promise<unknown>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export const noNativeProvider: NativeProvider = {
  self: undefined,
  state: { state: 'off' },
  activity: noActivity,
  running: 0,
  queued: 0,
  upstream: undefined,
  scorer: { has: () => false, score: async () => undefined },
  ready: Promise.resolve({ state: 'off' }),
  closeToOthers: () => undefined,
  stop: async () => undefined,
};

export function startNativeProvider(input: NativeProviderInput): NativeProvider {
  const { logger, clock, random, backends } = input;
  const life = new AbortController();
  const first = Promise.withResolvers<NativeState>();
  let state: NativeState = { state: 'starting' };
  let native: NativePeer | undefined;
  let audits: Startable | undefined;
  let close: () => Promise<void> | void = () => {};
  let isClosing = false;

  const fail = (error: unknown) => {
    const record = toErrorRecord(error);
    logger.warn('native-failed', { code: record.code });
    state = { state: 'failed', error: record };
    first.resolve(state);
  };

  // Imported late, as is the peer: the engine and WebRTC are the slowest to load, and the pages do not need them.
  const loadServe = async (storage: KeyValue): Promise<NativePeerComponents['serve']> => {
    const { runBenchmark: measure } = await import('#lib/engine/run-benchmark.ts');
    if (backends.length > 0) {
      const { createBridge } = await import('./native/bridge/bridge.ts');
      return (provider) => createBridge({ backends, provider, storage, measure, clock, random, logger });
    }
    const { bundledModel } = await import('./native/bundled-model.ts');
    const { createModelSupervisor } = await import('./native/supervisor.ts');
    const bundled = await bundledModel(input.modelFile, { clock });
    return (provider) => createModelSupervisor({ ...bundled, provider, measure, clock, logger });
  };

  const start = async () => {
    try {
      const { storage, seed } = await input.open();
      close = () => storage.close();
      const earnings = await input.earn(storage);
      if (earnings) {
        earnings.start();
        close = async () => {
          await earnings.stop();
          storage.close();
        };
      }
      const serve = await loadServe(storage);
      const { createNativePeer } = await import('./native/native-peer.ts');
      const { isGateway } = input;
      native = await createNativePeer({
        ...input,
        earnings,
        serve,
        storage,
        seed,
        policy: (_job, asker) => (isClosing && !isGateway(asker) ? jobRefusal('draining') : undefined),
      });
      await native.start();
      state = { state: 'starting' };
      const outcome = await native.serving.ready;
      // Whoever is seated before its models are loaded could judge nothing.
      if (!life.signal.aborted) audits = await input.audits?.(native.peer, storage, createSigner(seed));
      await audits?.start();
      if (outcome.state === 'serving') await input.listed(native.peer, { signal: life.signal });
      first.resolve(outcome);
    } catch (error) {
      if (life.signal.aborted) first.resolve(state);
      else fail(error);
    }
  };
  const started = start();

  return {
    get activity() {
      if (!native) return noActivity;
      const { provider, net } = native.peer;
      const { jobsDone, jobsFailed, tokensOut } = provider.state;
      return {
        served: jobsDone,
        failed: jobsFailed,
        tokensOut,
        peers: new Set(net.status().connections.map((connection) => connection.peer)).size,
        models: provider.servedModels('network')?.models ?? [],
        backends: native.serving.backends,
      };
    },
    get self() {
      return native?.peer.self;
    },
    get state() {
      return state.state === 'failed' ? state : (native?.serving.state ?? state);
    },
    get running() {
      return native?.peer.provider.state.running ?? 0;
    },
    get queued() {
      return native?.peer.provider.state.queued ?? 0;
    },
    get upstream() {
      return native?.serving.upstream;
    },
    scorer: {
      has: (artefact) => native?.peer.provider.scorer.has(artefact) ?? false,
      score: async (...asked) => native?.peer.provider.scorer.score(...asked),
    },
    ready: first.promise,
    closeToOthers() {
      isClosing = true;
    },
    async stop(options) {
      // If it is still starting, loading the model is what would take long.
      life.abort();
      native?.serving.cancel();
      await started;
      await audits?.stop();
      await native?.stop(options);
      await close();
    },
  };
}

const listingTimeoutMs = 5_000;

/**
 * Resolves when `isListed` holds, which is checked after every change, or on timeout, so that what reports itself ready can
 * also be found.
 */
export async function waitUntilListed(
  isListed: () => boolean,
  onChange: (listener: () => void) => () => void,
  { clock, signal }: { readonly clock: Clock } & AbortOptions,
): Promise<'listed' | 'not-yet'> {
  if (isListed()) return 'listed';
  const done = new AbortController();
  const waited = signal ? AbortSignal.any([done.signal, signal]) : done.signal;
  const forget = onChange(() => {
    if (isListed()) done.abort();
  });
  await clock.delay(listingTimeoutMs, { signal: waited }).catch(() => undefined);
  forget();
  return isListed() ? 'listed' : 'not-yet';
}
