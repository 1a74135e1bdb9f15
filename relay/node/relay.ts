import type { CircuitRelayService } from '@libp2p/circuit-relay-v2';
import type { PeerId as Libp2pPeerId } from '@libp2p/interface';
import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Random } from '#lib/base/random.ts';
import { createNetFrom } from '#lib/net/libp2p/core.ts';
import { keepRelays, type RelaySource, type Relays } from '#lib/net/libp2p/relays.ts';
import { probeOlder } from '#lib/net/libp2p/probe.ts';
import type { SocketSource } from '#lib/net/libp2p/web-sockets.ts';
import { relayTuning, type Tuning } from '#lib/net/libp2p/tuning.ts';
import type { LocalNets } from '#lib/net/local.ts';
import type { Net } from '#lib/net/spec.ts';
import { gossipTopics } from '#lib/protocol/topics.ts';
import type { PendingUpgrade } from '../http/upgrade.ts';
import { createCircuitLimits, type CircuitRates } from './circuit-limits.ts';

export interface RelayNodeOptions {
  /** Seed of the relay's Ed25519 key, 32 bytes. */
  readonly seed: Uint8Array;
  /**
   * A loopback port to listen on, 0 for any free one (see `listening`). Omitted where an HTTP server passes its upgrades
   * on (see `accept`): a second port could be dialled by any page on this machine, past the server's checks.
   */
  readonly listenPort?: number | undefined;
  /** Addresses for others to dial, such as `/dns4/example.org/tcp/443/wss`; the loopback address by default. */
  readonly announce?: readonly string[];
  /** Multiaddrs of other relays, to be connected to all of them; see `Libp2pNetOptions`. None by default. */
  readonly relays?: RelaySource | undefined;
  /** Registers a listener for another relay having been found; returns the function that removes it. */
  readonly wakeups?: ((wake: () => void) => () => void) | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Shared with the native peer in this process. */
  readonly local?: LocalNets | undefined;
  readonly topics?: readonly string[];
  /** Overrides for tests. */
  readonly tuning?: Partial<Tuning>;
  readonly circuitRates?: CircuitRates | undefined;
  /** Gateways of the same relay in other processes, which open circuits for all their clients. */
  readonly gateways?: ReadonlySet<string> | undefined;
}

/** The {@link Net} of a relay: circuit relay and gossip hub. Directory and gateway use it like any other net. */
export interface RelayNode extends Net {
  /** Host and port of the WebSocket listener, once started. */
  listening(): { readonly host: string; readonly port: number } | undefined;
  /** Answers upgrades that have been checked; undefined while the node is stopped or has its own port. */
  readonly accept: ((upgrade: PendingUpgrade) => void) | undefined;
  /** Peers that are reachable through this relay now. */
  reservationCount(): number;
}

/** Relays mesh: each is connected to every other that it knows. */
const relaysMax = 16;

export function createRelayNode(options: RelayNodeOptions): RelayNode {
  const { clock, random, logger, seed } = options;
  const host = '127.0.0.1';
  const socketSource: SocketSource | undefined = options.listenPort === undefined ? {} : undefined;
  const tuning = { ...relayTuning, ...options.tuning };
  let relays: Relays | undefined;
  let addressOf: (peer: Libp2pPeerId) => string | undefined = () => undefined;
  const circuits = createCircuitLimits(clock, options.circuitRates);
  let circuit: CircuitRelayService | undefined;
  let listening: { readonly host: string; readonly port: number } | undefined;

  const net = createNetFrom({
    clock,
    random,
    logger,
    seed,
    local: options.local,
    tuning,
    role: 'relay',
    dialling: { only: () => relays?.status().map(({ addr }) => addr) ?? [] },
    iceServers: [],
    listen: [`/ip4/${host}/tcp/${options.listenPort ?? 0}/ws`],
    socketSource,
    announce: options.announce ?? [],
    topics: options.topics ?? gossipTopics,
    relays: () => relays?.status() ?? [],
    gate: {
      denyOutboundRelayedConnection(from) {
        // Another relay opens circuits on behalf of its gateway.
        const isRelay = relays?.status().some(({ peer }) => peer === from.toString()) ?? false;
        const isOwn = options.gateways?.has(from.toString()) ?? false;
        return !isRelay && !isOwn && !circuits.admit(from.toString(), addressOf(from));
      },
    },
    onListen(addresses) {
      const port = addresses
        .map((address) => /\/tcp\/(\d+)\/ws/.exec(address)?.[1])
        .find((found) => found !== undefined);
      listening = port === undefined || port === '0' ? undefined : { host, port: Number(port) };
    },
    onStart({ node, lifetime, changed }) {
      circuit = node.services.circuit;
      addressOf = (peer) => node.getConnections(peer).at(-1)?.remoteAddr.toString();
      node.getMultiaddrs();
      if (options.listenPort !== undefined && !listening) throw portInUse(options.listenPort);
      if (options.relays) {
        const { relays: source } = options;
        relays = keepRelays({
          node,
          source,
          heldMax: relaysMax,
          clock,
          random,
          logger,
          tuning,
          lifetime,
          onChange: changed,
        });
        const found = options.wakeups?.(() => relays?.wake());
        lifetime.addEventListener('abort', () => found?.());
      }
      probeOlder({ node, clock, random, logger, tuning, lifetime });
      node.addEventListener('peer:disconnect', ({ detail: peer }) => release(circuit, peer));
      lifetime.addEventListener('abort', () => {
        for (const peer of circuit?.reservations.keys() ?? []) release(circuit, peer);
        circuit = undefined;
        relays = undefined;
        listening = undefined;
      });
    },
  });

  return Object.defineProperties(net, {
    accept: { get: () => socketSource?.accept && ((upgrade: PendingUpgrade) => acceptUpgrade(socketSource, upgrade)) },
    listening: { value: () => listening },
    reservationCount: { value: () => circuit?.reservations.size ?? 0 },
  }) as RelayNode;
}

/** The transport takes the remote address from the request's socket, so it is given one with the client's address. */
function acceptUpgrade({ accept }: SocketSource, { request, socket, head, from }: PendingUpgrade): void {
  const address = { remoteAddress: from.host, remotePort: from.port };
  accept?.(Object.create(request, { socket: { value: address } }), socket, head);
}

/** A reservation is useless without its connection, and would count against the limit until it expires. */
function release(circuit: CircuitRelayService | undefined, peer: Libp2pPeerId): void {
  circuit?.reservations.get(peer)?.signal.clear();
  circuit?.reservations.delete(peer);
}

const portInUse = (port: number) =>
  new TabloomError('port-in-use', `Port ${port} cannot be listened on. Give another one or stop what uses it.`, {
    details: { port },
  });
