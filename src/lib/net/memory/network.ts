import type { Clock } from '#lib/base/clock.ts';
import type { Random } from '#lib/base/random.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import type { Net } from '../spec.ts';
import { createMemoryNet, type MemoryNetInput, type MemoryPeer } from './net.ts';
import { createPartitions, idealLink, type Partitions, type LinkConditions } from './link-conditions.ts';

/**
 * A whole network in one process, for simulations and for unit tests of the rooms above. Everything that takes time
 * goes through the clock and everything by chance through the random it was given, so one seed gives one history.
 */
export interface MemoryNetwork extends Pick<Partitions, 'partition' | 'heal' | 'freeze' | 'thaw'> {
  createNet(input: MemoryNetInput): Net;
  /** Changes the conditions everywhere, or between two peers. */
  setConditions(conditions: Partial<LinkConditions>, between?: readonly [PeerId, PeerId]): void;
  /** A tab that crashes: all its channels are lost at once on the other side, and nobody reaches it any more. */
  kill(peer: PeerId): void;
  /** Every channel open now, counted once; for leak checks. */
  readonly openChannels: number;
}

/** What the nets of one network share. */
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
    },
    get openChannels() {
      return [...peers.values()].reduce((sum, peer) => sum + peer.channelCount, 0) / 2;
    },
  };
}
