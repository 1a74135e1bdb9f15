import { getEventListeners } from 'node:events';
import type { Connection } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { expect, test } from 'vitest';
import { webrtcAddress } from '#lib/net/libp2p/paths.ts';
import { bareNode, webRtcShutdownOf } from './bare.ts';
import { relayOn } from './ground.ts';

test('a WebRTC connection that has ended leaves no listener at either side', async () => {
  const relay = relayOn(8_201);
  await relay.start();
  const [a, b] = [await bareNode(relay, 8_202), await bareNode(relay, 8_203)];
  const listeners = () => [a, b].map(({ node }) => getEventListeners(webRtcShutdownOf(node), 'abort').length);
  // The library's own race in dialling (net/README.md), for which our net tries again too; a dial that failed leaves none either.
  const dial = async (triesLeft = 2): Promise<Connection> => {
    try {
      return await a.node.dial(multiaddr(webrtcAddress(b.address)));
    } catch (error) {
      if (triesLeft === 0) throw error;
      return dial(triesLeft - 1);
    }
  };
  const before = listeners();
  for (let round = 0; round < 2; round++) {
    const connection = await dial();
    await connection.close();
  }
  expect(listeners()).toEqual(before);
  await Promise.all([a.node.stop(), b.node.stop()]);
  await relay.stop();
});
