import type { Clock } from '#lib/base/clock.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Random } from '#lib/base/random.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import { offersTopic } from '#lib/protocol/find.ts';
import type { LocalNets } from '../local.ts';
import type { Net } from '../spec.ts';
import { createCircuitCheck } from './circuit-check.ts';
import { createNetFrom } from './core.ts';
import { probeWhenCircuitEnds } from './probe.ts';
import { keepRelays, type RelaySource, type Relays } from './relays.ts';
import { nodeTuning, tabTuning, type Tuning } from './tuning.ts';

export interface Libp2pNetOptions {
  /** Of the peer's Ed25519 key, 32 bytes. Never shared between two live nets. */
  readonly seed: Uint8Array;
  /** Multiaddrs of relays, each ending in `/p2p/<relay>`; asked again before each attempt to connect. */
  readonly relays: RelaySource;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** `tab`: in a page. `node`: in a Node process, which has room for more. */
  readonly transports: 'tab' | 'node';
  /** STUN and TURN; none: only what the machine's own addresses allow. */
  readonly iceServers?: readonly RTCIceServer[];
  /** Whether a page may dial `ws://` on others' word; `allow` only where the page itself is plain http. */
  readonly insecureDial?: 'allow' | 'refuse';
  /** Addresses to listen on beside the circuit and WebRTC, such as `/ip4/0.0.0.0/udp/4002/webrtc-direct` in Node. */
  readonly listen?: readonly string[];
  /** Gossip topics in use. */
  readonly topics?: readonly string[];
  /** Registers what to do when the machine comes online or wakes up, and returns the end of that. */
  readonly wakeups?: (wake: () => void) => () => void;
  /** Shared by the nets of one process, which then ask each other in memory. */
  readonly local?: LocalNets | undefined;
  /** For tests of the defaults. */
  readonly tuning?: Partial<Tuning>;
}

/**
 * A peer: reached through relays, directly by WebRTC where that is possible. `start` returns as soon as the node runs;
 * relays are connected behind it and `status` tells how far that is, so it starts without a network too.
 */
export function createLibp2pNet(options: Libp2pNetOptions): Net {
  const { clock, random, logger } = options;
  const tuning: Tuning = { ...(options.transports === 'tab' ? tabTuning : nodeTuning), ...options.tuning };
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
    listen: ['/p2p-circuit', '/webrtc', ...(options.listen ?? [])],
    announce: [],
    topics: options.topics ?? [offersTopic],
    relays: () => relays?.status() ?? [],
    works: (address) => relays?.works(address) ?? false,
    gate: { denyInboundRelayedConnection: check.isOwn },
    onStart({ node, lifetime, changed }) {
      relays = keepRelays({
        node,
        source: options.relays,
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
