import net from 'node:net';
import { multiaddr } from '@multiformats/multiaddr';
import { afterEach, expect, test } from 'vitest';
import { bareNode, type BareNode } from './bare.ts';
import { relayOn } from './ground.ts';

const running: { stop(): Promise<void> | void }[] = [];
const { connect } = net;
/** The address that the next connection is made from. Node's WebSocket has no such option, so its sockets are given one. */
let dialFrom = '127.0.0.1';
net.connect = ((options: net.TcpNetConnectOpts, ...more: never[]) =>
  connect({ ...options, localAddress: dialFrom }, ...more)) as typeof net.connect;

afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop()));
  net.connect = connect;
});

test('the peers of one address share a rate of circuits, and those of its /24 a larger one', async () => {
  const rate = { perSecond: 0.001 };
  const circuitRates = { peer: { burst: 3, ...rate }, address: { burst: 5, ...rate }, zoneFactor: 2 };
  const relay = relayOn(3_100, { circuitRates });
  await relay.start();
  running.push(relay);
  const at = async (number: number, from: string): Promise<BareNode> => {
    dialFrom = from;
    const one = await bareNode(relay, number);
    running.push(one.node);
    return one;
  };
  const target = await at(3_101, '127.5.0.1');
  /** How many circuits to the target a new peer at this address opens before it is refused. */
  const opened = async (number: number, from: string) => {
    const { node } = await at(number, from);
    for (let count = 0; ; count++) {
      const circuit = await node.dial(multiaddr(target.address), { force: true }).catch(() => undefined);
      if (!circuit) return count;
    }
  };
  expect(await opened(3_102, '127.3.0.1')).toBe(3);
  expect(await opened(3_103, '127.3.0.1')).toBe(2);
  expect(await opened(3_104, '127.3.0.2')).toBe(3);
  // One was taken from the zone by the attempt that its address refused.
  expect(await opened(3_105, '127.3.0.3')).toBe(1);
  expect(await opened(3_106, '127.3.0.4')).toBe(0);
  expect(await opened(3_107, '127.4.0.1')).toBe(3);
});
