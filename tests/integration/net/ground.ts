import { systemClock } from '#lib/base/clock.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { systemRandom } from '#lib/base/random.ts';
import { createLibp2pNet, type Libp2pNetOptions } from '#lib/net/libp2p/net.ts';
import type { Net, NetStatus } from '#lib/net/spec.ts';
import { createRelayNode, type RelayNode, type RelayNodeOptions } from '../../../relay/node/relay.ts';

/** Real js-libp2p nets on loopback, for the tests of this folder. */
const components = { clock: systemClock, random: systemRandom, logger: silentLogger };

/** A seed that is the same in every run, one a number. */
export const seedOf = (number: number): Uint8Array => {
  const seed = new Uint8Array(32).fill(7);
  new DataView(seed.buffer).setUint32(0, number);
  return seed;
};

export const relayOn = (number: number, options: Partial<RelayNodeOptions> = {}): RelayNode =>
  createRelayNode({ ...components, seed: seedOf(number), listenPort: 0, ...options });

export const addressOf = (relay: RelayNode): string => {
  const { host, port } = relay.listening()!;
  return `/ip4/${host}/tcp/${port}/ws/p2p/${relay.self}`;
};

export const netAt = (
  relay: RelayNode | readonly string[],
  number: number,
  options: Partial<Libp2pNetOptions> = {},
): Net =>
  createLibp2pNet({
    ...components,
    seed: seedOf(number),
    relays: () => ('self' in relay ? [addressOf(relay)] : relay),
    transports: 'node',
    ...options,
  });

/** Resolves when the status is as wished; the test's own time limit ends the wait. */
export const until = (net: Net, wish: (status: NetStatus) => boolean): Promise<NetStatus> =>
  new Promise((resolve) => {
    const check = (status: NetStatus) => {
      if (!wish(status)) return;
      end();
      resolve(status);
    };
    const end = net.onStatus(check);
    check(net.status());
  });

export const reserved = (net: Net) => until(net, ({ relays }) => relays.some(({ state }) => state === 'reserved'));
