import { expect, test } from 'vitest';
import { systemClock } from '#lib/base/clock.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { systemRandom } from '#lib/base/random.ts';
import { createLibp2pNet } from '#lib/net/libp2p/net.ts';
import { createRelayNode } from '../../../relay/node/relay.ts';

const parts = { clock: systemClock, random: systemRandom, logger: silentLogger };

/** The listener behind the pipe is on loopback, where any page of this machine could dial it past the Origin check. */
test.each([
  ['refuses who does not come through the pipe', () => false, 'refused'],
  ['takes who does', () => true, 'taken'],
])('the listener %s', async (_name, admits, expected) => {
  const relay = createRelayNode({ ...parts, seed: parts.random.bytes(32), listenPort: 0, admits });
  await relay.start();
  const { host, port } = relay.listening()!;
  const net = createLibp2pNet({
    ...parts,
    seed: parts.random.bytes(32),
    transports: 'node',
    insecureDial: 'allow',
    relays: () => [`/ip4/${host}/tcp/${port}/ws/p2p/${relay.self}`],
  });
  const outcome = Promise.withResolvers<string>();
  net.onStatus(({ relays: [first] }) => {
    if (first && first.state !== 'connecting') outcome.resolve(first.state === 'lost' ? 'refused' : 'taken');
  });
  await net.start();
  expect(await outcome.promise).toBe(expected);
  if (expected === 'refused') expect(relay.status().connections).toEqual([]);
  await net.stop();
  await relay.stop();
});
