import type { Clock } from '#lib/base/clock.ts';
import type { Random } from '#lib/base/random.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import type { Net } from '../spec.ts';
import { createMemoryNet, type MemoryNetInput, type MemoryPeer } from './net.ts';
import { createGaps, fairWeather, type Gaps, type Weather } from './weather.ts';

/**
 * A whole network in one process, for simulations and for unit tests of the rooms above. Everything that takes time
 * goes through the clock and everything by chance through the random it was given, so one seed gives one history.
 */
export interface MemoryNetwork extends Pick<Gaps, 'partition' | 'heal' | 'freeze' | 'thaw'> {
  createNet(input: MemoryNetInput): Net;
  /** Changes the weather everywhere, or between two peers. */
  setWeather(weather: Partial<Weather>, between?: readonly [PeerId, PeerId]): void;
  /** A tab that crashes: all its channels are lost at once on the other side, and nobody reaches it any more. */
  kill(peer: PeerId): void;
  /** Every channel open now, counted once; for leak checks. */
  readonly openChannels: number;
}

/** What the nets of one network share. */
export interface MemoryGround {
  readonly clock: Clock;
  readonly random: Random;
  readonly gaps: Gaps;
  readonly peers: Map<PeerId, MemoryPeer>;
  weather(a: PeerId, b: PeerId): Weather;
}

export function createMemoryNetwork(components: { readonly clock: Clock; readonly random: Random }): MemoryNetwork {
  const gaps = createGaps();
  const peers = new Map<PeerId, MemoryPeer>();
  const special = new Map<string, Partial<Weather>>();
  let general: Weather = fairWeather;
  const key = (a: PeerId, b: PeerId) => [a, b].sort().join(' ');

  const ground: MemoryGround = {
    ...components,
    gaps,
    peers,
    weather: (a, b) => ({ ...general, ...special.get(key(a, b)) }),
  };

  return {
    partition: gaps.partition,
    heal: gaps.heal,
    freeze: gaps.freeze,
    thaw: gaps.thaw,
    createNet: (input) => createMemoryNet(ground, input),
    setWeather(weather, between) {
      if (between) special.set(key(...between), { ...special.get(key(...between)), ...weather });
      else general = { ...general, ...weather };
    },
    kill(peer) {
      peers.get(peer)?.die();
    },
    get openChannels() {
      return [...peers.values()].reduce((sum, peer) => sum + peer.channelCount, 0) / 2;
    },
  };
}
