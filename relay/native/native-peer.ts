import type { Clock } from '#lib/base/clock.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Random } from '#lib/base/random.ts';
import { runBenchmark } from '#lib/engine/run-benchmark.ts';
import { createLibp2pNet } from '#lib/net/libp2p/net.ts';
import type { LocalNets } from '#lib/net/local.ts';
import { createPeer, type Peer } from '#lib/peer/peer.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import type { Shelved } from './models.ts';
import { createFloor, joinFloors, type Floors } from './supervisor.ts';

/**
 * The native floor: a peer like any other, with its own key and its own net, that happens to live in the relay's process
 * and always serves what the relay was given: the bundled model, or those of a server beside it. Others find and ask it the
 * way they do a tab; the relay's own gateway asks it in memory.
 */
export interface NativePeer {
  readonly peer: Peer;
  readonly floor: Floors;
  /** Starts the net and the loading of the models; returns when the net runs. */
  start(): Promise<void>;
  /** Says goodbye, lets what runs end until the signal aborts, then gives everything back. */
  stop(options: { readonly signal: AbortSignal }): Promise<void>;
}

export interface NativePeerComponents {
  /** Of its own Ed25519 key, 32 bytes. */
  readonly seed: Uint8Array;
  readonly storage: KeyValue;
  /** Multiaddr of the relay, ending in its peer id. */
  readonly relayAddress: string;
  /** The relay asks for everybody who comes over HTTP, under one key. */
  readonly relayPeer: PeerId;
  /** Shared with the relay's own net, which asks in memory. */
  readonly local: LocalNets;
  /** At least one model. */
  readonly shelf: readonly Shelved[];
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export async function createNativePeer(components: NativePeerComponents): Promise<NativePeer> {
  const { seed, storage, relayAddress, relayPeer, local, shelf, clock, random, logger } = components;
  // The relay may fill every slot and every queue.
  const relayJobsMax = shelf.reduce((sum, { slots }) => sum + slots + limits.workerQueueMax, 0);
  const net = createLibp2pNet({
    seed,
    clock,
    random,
    logger,
    transports: 'node',
    insecureDial: 'allow',
    local,
    relays: () => [relayAddress],
  });
  const peer = await createPeer({
    net,
    storage,
    clock,
    random,
    logger,
    signer: createSigner(seed),
    role: 'native',
    discovery: 'client',
    jobsPerPeerMax: (asker) => (asker === relayPeer ? relayJobsMax : limits.jobsPerPeerMax),
    onModelFailed: (artefact, error) => floor.onModelFailed(artefact, { code: error.code, message: error.message }),
  });
  const { provider } = peer;
  const floor = joinFloors(
    new Map(
      shelf.map((one) => [one.model.artefact, createFloor({ ...one, provider, measure: runBenchmark, clock, logger })]),
    ),
  );
  return {
    peer,
    floor,
    async start() {
      // Loading takes other threads than connecting.
      floor.start();
      await peer.start();
    },
    async stop({ signal }) {
      await peer.provider.drain({ signal });
      await floor.stop();
      await peer.stop();
    },
  };
}
