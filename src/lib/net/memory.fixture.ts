import type { Clock } from '#lib/base/clock.ts';
import type { Random } from '#lib/base/random.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import type { Net } from './spec.ts';
import { createMemoryNet, type MemoryNetInput, type MemoryPeer } from './memory/net.fixture.ts';
import { createPartitions, idealLink, type Partitions, type LinkConditions } from './memory/link-conditions.fixture.ts';

/**
 * A whole network in one process, for simulations and for unit tests of the layers above. All time comes from the given
 * clock and all randomness from the given source, so a seed determines the run.
 */
export interface MemoryNetwork extends Pick<Partitions, 'partition' | 'heal' | 'freeze' | 'thaw'> {
  createNet(input: MemoryNetInput): Net;
  /** Changes the conditions everywhere, or between two peers. */
  setConditions(conditions: Partial<LinkConditions>, between?: readonly [PeerId, PeerId]): void;
  /**
   * Simulates a crashed tab: all its channels are lost on the other side at once, and it becomes unreachable. One that was
   * frozen is no longer, so that it can be started again.
   */
  kill(peer: PeerId): void;
  /** Drops every channel between two peers; both stay reachable. */
  disconnect(a: PeerId, b: PeerId): void;
  /** Number of open channels, each counted once; for leak checks. */
  readonly openChannels: number;
}

/** State shared by the nets of one network. */
export interface MemoryNetworkContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly partitions: Partitions;
  readonly peers: Map<PeerId, MemoryPeer>;
  conditions(a: PeerId, b: PeerId): LinkConditions;
}

export function createMemoryNetwork(components: { readonly clock: Clock; readonly random: Random }): MemoryNetwork {
  const partitions = createPartitions();
  const peers = new Map<PeerId, MemoryPeer>();
  const special = new Map<string, Partial<LinkConditions>>();
  let general: LinkConditions = idealLink;
  const key = (a: PeerId, b: PeerId) => [a, b].sort().join(' ');

  const context: MemoryNetworkContext = {
    ...components,
    partitions,
    peers,
    conditions: (a, b) => ({ ...general, ...special.get(key(a, b)) }),
  };

  return {
    partition: partitions.partition,
    heal: partitions.heal,
    freeze: partitions.freeze,
    thaw: partitions.thaw,
    createNet: (input) => createMemoryNet(context, input),
    setConditions(conditions, between) {
      if (between) special.set(key(...between), { ...special.get(key(...between)), ...conditions });
      else general = { ...general, ...conditions };
    },
    kill(peer) {
      peers.get(peer)?.die();
      partitions.thaw(peer);
    },
    disconnect(a, b) {
      peers.get(a)?.dropChannels(b);
    },
    get openChannels() {
      return [...peers.values()].reduce((sum, peer) => sum + peer.channelCount, 0) / 2;
    },
  };
}
