import type { Clock } from '#lib/base/clock.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Random } from '#lib/base/random.ts';
import { demoModel } from '#lib/engine/catalog.ts';
import { measure } from '#lib/engine/measure.ts';
import { createLibp2pNet } from '#lib/net/libp2p/net.ts';
import { createPeer, type Peer } from '#lib/peer/peer.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import { createFloor, type Floor } from './floor.ts';
import { createLlamaEngine } from './llama.ts';

/**
 * The native floor: a peer like any other, with its own key and its own net, that happens to live in the relay's process
 * and always serves the bundled model. It is announced, found and asked the way a tab is.
 */
export interface NativePeer {
  readonly peer: Peer;
  readonly floor: Floor;
  /** Starts the net and the loading of the model; returns when the net runs. */
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
  readonly modelFile: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/**
 * Cutting a prompt into tokens holds up the relay's one thread, and is done again for each turn that is left out: far more
 * than the model reads, and no more than takes some milliseconds.
 */
const floorLimits = { promptCharacters: 64 * 1024 } as const;

export async function createNativePeer(components: NativePeerComponents): Promise<NativePeer> {
  const { seed, storage, relayAddress, relayPeer, modelFile, clock, random, logger } = components;
  const net = createLibp2pNet({
    seed,
    clock,
    random,
    logger,
    transports: 'node',
    insecureDial: 'allow',
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
    discovery: 'follow',
    jobsPerPeerMax: (asker) => (asker === relayPeer ? limits.workerQueueMax + 1 : limits.jobsPerPeerMax),
    onModelFailed: (_artefact, error) => floor.onModelFailed({ code: error.code, message: error.message }),
  });
  const floor = createFloor({
    provider: peer.provider,
    engine: createLlamaEngine({ clock, pathOf: () => modelFile }),
    model: demoModel,
    limits: floorLimits,
    measure,
    clock,
    logger,
  });
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
