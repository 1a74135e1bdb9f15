import type { CircuitRelayService } from '@libp2p/circuit-relay-v2';
import type { PeerId as Libp2pPeerId } from '@libp2p/interface';
import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Random } from '#lib/base/random.ts';
import { createNetOver } from '#lib/net/libp2p/core.ts';
import { probeOlder } from '#lib/net/libp2p/probe.ts';
import { relayTuning, type Tuning } from '#lib/net/libp2p/tuning.ts';
import type { LocalNets } from '#lib/net/local.ts';
import type { Net } from '#lib/net/spec.ts';
import { offersTopic } from '#lib/protocol/find.ts';

export interface RelayNodeOptions {
  /** Of the relay's Ed25519 key, 32 bytes. */
  readonly seed: Uint8Array;
  /**
   * Where the HTTP server pipes WebSocket upgrades to; 0: any free port (see `listening`). Loopback unless a host is given, and never a
   * public door of its own: origin and rate are checked by the HTTP server before the pipe.
   */
  readonly listenPort: number;
  readonly listenHost?: string;
  /** What others dial, such as `/dns4/example.org/tcp/443/wss`; without it, the loopback address. */
  readonly announce?: readonly string[];
  /** Which connections to the listener come from that pipe, by their source port; all when it is left out. */
  readonly admits?: (port: number) => boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Shared with the native peer of the same process. */
  readonly local?: LocalNets | undefined;
  readonly topics?: readonly string[];
  readonly tuning?: Partial<Tuning>;
}

/** The {@link Net} of a relay: circuit relay and gossip hub. Directory and gateway work on it as on any other net. */
export interface RelayNode extends Net {
  /** Host and port the WebSocket listener has, once started. */
  listening(): { readonly host: string; readonly port: number } | undefined;
  /** Peers that can be reached through this relay now. */
  reservationCount(): number;
}

export function createRelayNode(options: RelayNodeOptions): RelayNode {
  const { clock, random, logger, seed } = options;
  const host = options.listenHost ?? '127.0.0.1';
  const tuning = { ...relayTuning, ...options.tuning };
  let circuit: CircuitRelayService | undefined;
  let listening: { readonly host: string; readonly port: number } | undefined;

  const net = createNetOver({
    clock,
    random,
    logger,
    seed,
    local: options.local,
    tuning,
    role: 'relay',
    dialling: 'none',
    iceServers: [],
    listen: [`/ip4/${host}/tcp/${options.listenPort}/ws`],
    announce: options.announce ?? [],
    topics: options.topics ?? [offersTopic],
    relays: () => [],
    gate: {
      denyInboundConnection: ({ remoteAddr }) => {
        const port = Number(/^\/ip[46]\/[^/]+\/tcp\/(\d+)/.exec(remoteAddr.toString())?.[1]);
        return options.admits !== undefined && !options.admits(port);
      },
    },
    onListen(addresses) {
      const port = addresses
        .map((address) => /\/tcp\/(\d+)\/ws/.exec(address)?.[1])
        .find((found) => found !== undefined);
      listening = port === undefined || port === '0' ? undefined : { host, port: Number(port) };
    },
    onStart({ node, life }) {
      circuit = node.services.circuit;
      node.getMultiaddrs();
      if (!listening) throw portInUse(options.listenPort);
      probeOlder({ node, clock, random, logger, tuning, life });
      node.addEventListener('peer:disconnect', ({ detail: peer }) => release(circuit, peer));
      life.addEventListener('abort', () => {
        for (const peer of circuit?.reservations.keys() ?? []) release(circuit, peer);
        circuit = undefined;
        listening = undefined;
      });
    },
  });

  return Object.assign(net, {
    listening: () => listening,
    reservationCount: () => circuit?.reservations.size ?? 0,
  });
}

/** A reservation is of no use without its connection, and would count against the limit for as long as it lasts. */
function release(circuit: CircuitRelayService | undefined, peer: Libp2pPeerId): void {
  circuit?.reservations.get(peer)?.signal.clear();
  circuit?.reservations.delete(peer);
}

const portInUse = (port: number) =>
  new TabloomError('port-in-use', `Port ${port} cannot be listened on. Give another one or stop what uses it.`, {
    details: { port },
  });
