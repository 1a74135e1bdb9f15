import { dirname, join } from 'node:path';
import type { AbortOptions } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { toErrorRecord } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Random } from '#lib/base/random.ts';
import type { Peer } from '#lib/peer/peer.ts';
import type { Scorer } from '#lib/peer/spec.ts';
import { jobRefusal } from '#lib/peer/serve/admit.ts';
import type { NativeEnv } from './settings.ts';
import type { SqliteStorage } from './storage/sqlite.ts';
import type { ModelServer, NativeModel } from './native/models.ts';
import type { NativePeer, NativePeerComponents } from './native/native-peer.ts';
import { createServerFetch } from './native/server-fetch.ts';
import { retryDelayMs, type SupervisorState } from './native/supervisor.ts';

/** The bundled model, next to the pages. */
export const bundledModelFile = join(dirname(import.meta.dirname), 'static', 'models', 'tabloom-demo.gguf');

/** The model server that the settings name, if any. */
export function modelServer(env: NativeEnv): ModelServer | undefined {
  if (env.NATIVE_SERVER === undefined) return undefined;
  return {
    baseUrl: env.NATIVE_SERVER,
    flavour: env.NATIVE_SERVER_KIND,
    apiKey: env.NATIVE_SERVER_KEY,
    models: env.NATIVE_MODELS,
    embeddingModels: env.NATIVE_EMBEDDING_MODELS,
    features: env.NATIVE_FEATURES,
    contextTokens: env.NATIVE_CONTEXT_TOKENS,
    slots: env.NATIVE_SLOTS,
  };
}

/** A native provider, in a relay or as a process of its own; started in the background, and started again if it fails. */
export interface NativeProvider {
  readonly state: NativeState;
  readonly running: number;
  readonly queued: number;
  /** Of the models that are loaded in this process. */
  readonly scorer: Scorer;
  /** Settles when it serves, has failed for the first time, or is off. */
  readonly ready: Promise<NativeState>;
  /** Answers only gateways from now on, whose clients are waiting; everyone else is refused as `draining`. */
  closeToOthers(): void;
  /** Lets what runs or waits finish until the signal aborts, then releases everything. */
  stop(options: { readonly signal: AbortSignal }): Promise<void>;
}

export type NativeState = SupervisorState | { readonly state: 'off' };

export interface NativeProviderInput extends Pick<NativePeerComponents, 'net' | 'isGateway'> {
  /** Opens what outlives the process; called once. */
  readonly open: () => Promise<{ readonly storage: SqliteStorage; readonly seed: Uint8Array }>;
  /** The bundled model's file. */
  readonly modelFile: string;
  /** Used in place of the bundled model. */
  readonly server: ModelServer | undefined;
  /** Resolves when others can find the peer that serves, or after a while. */
  readonly listed: (peer: Peer, options: AbortOptions) => Promise<unknown>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export const noNativeProvider: NativeProvider = {
  state: { state: 'off' },
  running: 0,
  queued: 0,
  scorer: { has: () => false, score: async () => undefined },
  ready: Promise.resolve({ state: 'off' }),
  closeToOthers: () => undefined,
  stop: async () => undefined,
};

export function startNativeProvider(input: NativeProviderInput): NativeProvider {
  const { logger, clock, server } = input;
  const life = new AbortController();
  const first = Promise.withResolvers<NativeState>();
  let state: NativeState = { state: 'starting' };
  let native: NativePeer | undefined;
  let close = () => {};
  let isClosing = false;

  const fail = (error: unknown) => {
    const record = toErrorRecord(error);
    logger.warn('native-failed', { code: record.code });
    state = { state: 'failed', error: record };
    first.resolve(state);
  };

  /** A server that does not list its models yet is asked again, as one that does not answer is. */
  const readModels = async (): Promise<readonly NativeModel[]> => {
    // Imported late, as is the peer: the engine and WebRTC are the slowest to load, and the pages do not need them.
    const { bundledModels, serverModels } = await import('./native/models.ts');
    if (!server) return bundledModels(input.modelFile, { clock });
    const fetch = createServerFetch();
    for (let failures = 0; ; failures++) {
      try {
        return await serverModels(server, { clock, fetch, signal: life.signal });
      } catch (error) {
        life.signal.throwIfAborted();
        fail(error);
        await clock.delay(retryDelayMs(failures), { signal: life.signal });
      }
    }
  };

  const start = async () => {
    try {
      const { storage, seed } = await input.open();
      close = () => storage.close();
      const models = await readModels();
      const { createNativePeer } = await import('./native/native-peer.ts');
      const { isGateway } = input;
      native = await createNativePeer({
        ...input,
        models,
        storage,
        seed,
        policy: (_job, asker) => (isClosing && !isGateway(asker) ? jobRefusal('draining') : undefined),
      });
      await native.start();
      state = { state: 'starting' };
      const outcome = await native.supervisors.ready;
      if (outcome.state === 'serving') await input.listed(native.peer, { signal: life.signal });
      first.resolve(outcome);
    } catch (error) {
      if (life.signal.aborted) first.resolve(state);
      else fail(error);
    }
  };
  const started = start();

  return {
    get state() {
      return state.state === 'failed' ? state : (native?.supervisors.state ?? state);
    },
    get running() {
      return native?.peer.provider.state.running ?? 0;
    },
    get queued() {
      return native?.peer.provider.state.queued ?? 0;
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
      native?.supervisors.cancel();
      await started;
      await native?.stop(options);
      close();
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
