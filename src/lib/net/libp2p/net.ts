import type { Clock } from '#lib/base/clock.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Random } from '#lib/base/random.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import { gossipTopics } from '#lib/protocol/topics.ts';
import type { LocalNets } from '../local.ts';
import type { Net } from '../spec.ts';
import { createCircuitCheck } from './circuit-check.ts';
import { createNetFrom } from './core.ts';
import { probeWhenCircuitEnds } from './probe.ts';
import { keepRelays, type RelaySource, type Relays } from './relays.ts';
import { nodeTuning, tabTuning, type Tuning } from './tuning.ts';

export interface Libp2pNetOptions {
  /** Seed of the peer's Ed25519 key, 32 bytes. Must not be shared between two running nets. */
  readonly seed: Uint8Array;
  /** Multiaddrs of relays, each ending in `/p2p/<relay>`; a reservation is held at {@link relaysHeldMax} of them. */
  readonly relays: RelaySource;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** `tab`: in a page. `node`: in a Node process, which can afford more resources. */
  readonly transports: 'tab' | 'node';
  /** STUN and TURN servers; without any, only the machine's own addresses are tried. */
  readonly iceServers?: readonly RTCIceServer[];
  /** Whether a page may dial `ws://` addresses; `allow` only if the page itself uses plain http. */
  readonly insecureDial?: 'allow' | 'refuse';
  /**
   * How long after the first dial `open` takes the relayed connection instead of a direct one, if it is told nothing else; as the tuning
   * has it by default.
   */
  readonly directTimeoutMs?: number | undefined;
  /** Addresses to listen on besides the circuit and WebRTC, such as `/ip4/0.0.0.0/udp/4002/webrtc-direct` in Node. */
  readonly listen?: readonly string[];
  /** Gossip topics to track. */
  readonly topics?: readonly string[];
  /** Registers a listener for the machine coming online or waking up; returns the function that removes it. */
  readonly wakeups?: (wake: () => void) => () => void;
  /** Shared by the nets of one process, which then reach each other in memory. */
  readonly local?: LocalNets | undefined;
  /** Overrides for tests. */
  readonly tuning?: Partial<Tuning>;
}

/** Any relay may die or hide what it knows, so a peer is reachable, and asks, through two. */
const relaysHeldMax = 2;

/**
 * A peer that is reachable through relays, and directly over WebRTC where possible. `start` returns as soon as the node
 * is running; relays are connected in the background and `status` reports their progress, so it also starts without a
 * network.
 */
export function createLibp2pNet(options: Libp2pNetOptions): Net {
  const { clock, random, logger } = options;
  const usual = options.transports === 'tab' ? tabTuning : nodeTuning;
  const { directTimeoutMs = usual.directTimeoutMs } = options;
  const tuning: Tuning = { ...usual, directTimeoutMs, ...options.tuning };
  const { peer: self } = createSigner(options.seed);
  const check = createCircuitCheck({ self, clock, timeoutMs: tuning.streamTimeoutMs });
  let relays: Relays | undefined;
  return createNetFrom({
    clock,
    random,
    logger,
    tuning,
    seed: options.seed,
    local: options.local,
    role: 'peer',
    dialling:
      options.transports === 'node'
        ? 'any'
        : {
            insecure: options.insecureDial ?? 'refuse',
            named: () => relays?.status().map(({ addr }) => addr) ?? [],
          },
    iceServers: options.iceServers ?? [],
    // Each of these listeners makes one reservation.
    listen: [...Array<string>(relaysHeldMax).fill('/p2p-circuit'), '/webrtc', ...(options.listen ?? [])],
    announce: [],
    topics: options.topics ?? gossipTopics,
    relays: () => relays?.status() ?? [],
    isVerified: (address) => relays?.isVerified(address) ?? false,
    gate: { denyInboundRelayedConnection: check.isOwn },
    onStart({ node, lifetime, changed }) {
      relays = keepRelays({
        node,
        source: options.relays,
        heldMax: relaysHeldMax,
        check,
        clock,
        random,
        logger,
        tuning,
        lifetime,
        onChange: changed,
      });
      probeWhenCircuitEnds({ node, clock, random, logger, tuning, lifetime });
      const sleep = options.wakeups?.(() => relays?.wake());
      lifetime.addEventListener('abort', () => {
        sleep?.();
        relays = undefined;
      });
    },
  });
}
