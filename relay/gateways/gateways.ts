import { chmod, mkdir } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { Clock } from '#lib/base/clock.ts';
import type { Logger } from '#lib/base/logger.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { listenPrivately } from '../http/private-socket.ts';
import type { LogDestination } from '../log.ts';
import { loadSeed } from '../node/identity.ts';
import type { RelayEnv } from '../settings/commands.ts';
import type { Variables } from '../settings/read-env.ts';
import type { Undo } from '../unwind.ts';
import { createKeptWorker } from './kept-worker.ts';
import type { HandedUpgrade } from './messages.ts';
import { createGatewayPool, type GatewayPool } from './pool.ts';
import { launchWorker } from './worker-link.ts';

export interface GatewaysInit {
  readonly env: RelayEnv;
  /** The same settings, as they were given. */
  readonly variables: Variables;
  readonly self: PeerId;
  /** The relay's multiaddr on this machine, with its id. */
  readonly relay: string;
  readonly secret: string;
  /** The chain that is named, by its number. */
  readonly chain: number | undefined;
  /** Ids of the workers' gateways. */
  readonly peers: readonly PeerId[];
  readonly onRequest: (request: IncomingMessage, response: ServerResponse) => void;
  readonly onUpgrade: (upgrade: HandedUpgrade, socket: Socket) => void;
  readonly log: LogDestination | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly undo: Undo;
}

/** Folders of the workers, in that of the relay. */
const folderOf = ({ DATA_DIR }: Pick<RelayEnv, 'DATA_DIR'>, place: number) => join(DATA_DIR, `gateway-${place + 1}`);

/** Where the relay takes what is not a worker's. */
export const gatewaySocketPath = ({ DATA_DIR }: Pick<RelayEnv, 'DATA_DIR'>) => join(DATA_DIR, 'gateways', 'http.sock');

/**
 * The ids of the workers' gateways, whose keys are made before they start, so that each knows the others.
 * @throws as `loadSeed` does.
 */
export async function gatewayPeers(env: RelayEnv): Promise<readonly PeerId[]> {
  const places = Array.from({ length: env.GATEWAYS }, (_, place) => place);
  return Promise.all(
    places.map(async (place) => {
      const folder = folderOf(env, place);
      await mkdir(folder, { recursive: true, mode: ownerOnly }).then(
        () => chmod(folder, ownerOnly),
        () => undefined,
      );
      return createSigner(await loadSeed(folder, 'relay.key')).peer;
    }),
  );
}

const ownerOnly = 0o700;

/** The workers of a relay, which are still to be started. @throws as `listenPrivately` does. */
export async function openGateways(init: GatewaysInit): Promise<GatewayPool> {
  const { env, peers, self, relay, secret, chain, clock, logger, undo } = init;
  const socketPath = gatewaySocketPath(env);
  const privately = await listenPrivately(socketPath, init.onRequest);
  undo.push(() => privately.close());
  // What this process found out itself of a chain that it names.
  const { CHAIN_RPC_URL, CREDITS_CHAIN, BEACON_CHAIN } = env;
  const kept = { CHAIN: undefined, SPONSOR_KEY: undefined, COURT_KEY: undefined };
  const numbers = { CREDITS_CHAIN: String(CREDITS_CHAIN), BEACON_CHAIN: String(BEACON_CHAIN) };
  const found = { ...kept, CHAIN_RPC_URL, ...numbers };
  const workers = peers.map((_, place) =>
    createKeptWorker({
      seat: {
        place,
        of: peers.length,
        variables: { ...init.variables, ...found },
        dataDir: folderOf(env, place),
        relay,
        siblings: [self, ...peers],
        socketPath,
        chain,
        hasCourt: env.COURT_KEY !== undefined,
        secret,
      },
      launch: () => launchWorker(init.log ?? process.stderr),
      onUpgrade: init.onUpgrade,
      clock,
      logger,
    }),
  );
  return createGatewayPool(workers);
}
