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
import type { FloorState } from './native/supervisor.ts';
import { loadSeed } from './node/identity.ts';
import { openSqliteStorage } from './storage/sqlite.ts';

/** The native floor as the relay runs it: begun in the background, its failure told and never fatal. */
export interface NativeFloor {
  readonly state: NativeState;
  readonly running: number;
  readonly queued: number;
  /** Settles when it answers, cannot, or was not wanted. */
  readonly ready: Promise<NativeState>;
  stop(options: { readonly signal: AbortSignal }): Promise<void>;
}

export type NativeState = FloorState | { readonly state: 'off' };

export interface NativeFloorInput {
  readonly dataDir: string;
  /** The bundled model's file. */
  readonly modelFile: string;
  /** Answers instead of the bundled model. */
  readonly server: ModelServer | undefined;
  readonly relayAddress: string;
  readonly relayPeer: PeerId;
  /** Shared with the relay's own net, which asks in memory. */
  readonly local: LocalNets;
  /** The relay's own: it is ready when others find it there. */
  readonly directory: Directory;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export const noFloor: NativeFloor = {
  state: { state: 'off' },
  running: 0,
  queued: 0,
  ready: Promise.resolve({ state: 'off' }),
  stop: async () => undefined,
};

export function startFloor(input: NativeFloorInput): NativeFloor {
  const { dataDir, logger, clock, server } = input;
  let state: NativeState = { state: 'starting' };
  let native: NativePeer | undefined;
  let close = () => {};

  const start = async (): Promise<NativeState> => {
    try {
      const storage = openSqliteStorage(join(dataDir, 'native.db'));
      close = () => storage.close();
      // Its engine and its WebRTC are the slowest things to load, and the pages do not need them.
      const { createNativePeer } = await import('./native/native-peer.ts');
      const { bundledShelf, serverShelf } = await import('./native/models.ts');
      const shelf = server ? serverShelf(server, { clock, fetch }) : await bundledShelf(input.modelFile, { clock });
      native = await createNativePeer({ ...input, shelf, storage, seed: await loadSeed(dataDir, 'native.key') });
      await native.start();
      const told = await native.floor.ready;
      if (told.state === 'serving') await untilListed(input.directory, native.peer.self, input);
      return told;
    } catch (error) {
      logger.warn('native-failed', { code: errorCode(error) });
      state = { state: 'failed', error: toErrorRecord(error) };
      return state;
    }
  };
  const ready = start();

  return {
    get state() {
      return state.state === 'failed' ? state : (native?.floor.state ?? state);
    },
    get running() {
      return native?.peer.provider.state.running ?? 0;
    },
    get queued() {
      return native?.peer.provider.state.queued ?? 0;
    },
    ready,
    async stop(options) {
      // Asked to stop while it starts, the model's loading is what would take long.
      native?.floor.cancel();
      await ready;
      await native?.stop(options);
      close();
    },
  };
}

const patienceMs = 5_000;

/**
 * Resolves when the directory holds an offer of the peer with a model in it, or when patience ends: who is told that
 * the relay is ready finds the model in its list.
 */
export async function untilListed(
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
  await clock.delay(patienceMs, { signal: waited }).catch(() => undefined);
  forget();
  return listed() ? 'listed' : 'not-yet';
}
