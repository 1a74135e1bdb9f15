import { join } from 'node:path';
import type { AbortOptions } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { errorCode, toErrorRecord } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Random } from '#lib/base/random.ts';
import type { Directory } from '#lib/market/spec.ts';
import type { LocalNets } from '#lib/net/local.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import type { ModelServer } from './native/models.ts';
import type { NativePeer } from './native/native-peer.ts';
import type { SupervisorState } from './native/supervisor.ts';
import { loadSeed } from './node/identity.ts';
import { openSqliteStorage } from './storage/sqlite.ts';

/** The relay's native provider: started in the background; a failure is logged and never fatal. */
export interface NativeProvider {
  readonly state: NativeState;
  readonly running: number;
  readonly queued: number;
  /** Settles when it serves, has failed, or is off. */
  readonly ready: Promise<NativeState>;
  stop(options: { readonly signal: AbortSignal }): Promise<void>;
}

export type NativeState = SupervisorState | { readonly state: 'off' };

export interface NativeProviderInput {
  readonly dataDir: string;
  /** The bundled model's file. */
  readonly modelFile: string;
  /** Used in place of the bundled model. */
  readonly server: ModelServer | undefined;
  readonly relayAddress: string;
  readonly relayPeer: PeerId;
  /** Shared with the relay's own net, so that the two talk in memory. */
  readonly local: LocalNets;
  /** The relay's own: the provider is ready once it is listed there. */
  readonly directory: Directory;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export const noNativeProvider: NativeProvider = {
  state: { state: 'off' },
  running: 0,
  queued: 0,
  ready: Promise.resolve({ state: 'off' }),
  stop: async () => undefined,
};

export function startNativeProvider(input: NativeProviderInput): NativeProvider {
  const { dataDir, logger, clock, server } = input;
  let state: NativeState = { state: 'starting' };
  let native: NativePeer | undefined;
  let close = () => {};

  const start = async (): Promise<NativeState> => {
    try {
      const storage = openSqliteStorage(join(dataDir, 'native.db'));
      close = () => storage.close();
      // Imported late: its engine and WebRTC are the slowest to load, and the pages do not need them.
      const { createNativePeer } = await import('./native/native-peer.ts');
      const { bundledModels, serverModels } = await import('./native/models.ts');
      const models = server ? serverModels(server, { clock, fetch }) : await bundledModels(input.modelFile, { clock });
      native = await createNativePeer({ ...input, models, storage, seed: await loadSeed(dataDir, 'native.key') });
      await native.start();
      const outcome = await native.supervisors.ready;
      if (outcome.state === 'serving') await waitUntilListed(input.directory, native.peer.self, input);
      return outcome;
    } catch (error) {
      logger.warn('native-failed', { code: errorCode(error) });
      state = { state: 'failed', error: toErrorRecord(error) };
      return state;
    }
  };
  const ready = start();

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
    ready,
    async stop(options) {
      // If it is still starting, loading the model is what would take long.
      native?.supervisors.cancel();
      await ready;
      await native?.stop(options);
      close();
    },
  };
}

const listingTimeoutMs = 5_000;

/**
 * Resolves when the directory holds an offer of the peer with at least one model, or on timeout, so that a relay that
 * reports itself ready also lists its model.
 */
export async function waitUntilListed(
  directory: Pick<Directory, 'get' | 'onChange'>,
  peer: PeerId,
  { clock, signal }: { readonly clock: Clock } & AbortOptions,
): Promise<'listed' | 'not-yet'> {
  const listed = () => (directory.get(peer)?.offer.models.length ?? 0) > 0;
  if (listed()) return 'listed';
  const done = new AbortController();
  const waited = signal ? AbortSignal.any([done.signal, signal]) : done.signal;
  const forget = directory.onChange(() => {
    if (listed()) done.abort();
  });
  await clock.delay(listingTimeoutMs, { signal: waited }).catch(() => undefined);
  forget();
  return listed() ? 'listed' : 'not-yet';
}
