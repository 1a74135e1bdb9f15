import net from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { Peer } from '#lib/peer/peer.ts';
import { decodeFindFrame, encodeFindRequest, findProtocol } from '#lib/protocol/find.ts';
import { peerIdFromKey } from '#lib/protocol/ids.ts';
import { eventually, knows, model, startPeer, startRelay } from './ground.ts';

const running: Peer[] = [];
const { connect } = net;
/** The address that the next connection is made from. Node's WebSocket has no such option, so its sockets are given one. */
let dialFrom = '127.0.0.1';
net.connect = ((options: net.TcpNetConnectOpts, ...more: never[]) =>
  connect({ ...options, localAddress: dialFrom }, ...more)) as typeof net.connect;

afterEach(async () => {
  for (const peer of running.splice(0).toReversed()) await peer.stop();
  net.connect = connect;
});

/** The labels on a relay's sample, by peer. */
async function labelsAt(asker: Peer, relay: string, workers: readonly string[]): Promise<readonly string[]> {
  const channel = await asker.net.open(relay, findProtocol);
  await channel.send(encodeFindRequest({ limit: 64 }));
  for await (const body of channel) {
    const frame = decodeFindFrame(body);
    if (frame.t !== 'sample') continue;
    channel.abort(new Error('read'));
    const order = frame.offers.map(({ key }) => workers.findIndex((peer) => peer === peerIdFromKey(key)));
    return workers.map((_, at) => frame.zones?.[order.indexOf(at)] ?? '');
  }
  return [];
}

test('a relay labels alike the peers that come from one /24, without naming it, and only its own', async () => {
  const relay = await startRelay(141);
  const other = await startRelay(142, { relays: () => [relay.address()] });
  running.push(relay.peer, other.peer);
  const workers: string[] = [];
  for (const [at, from] of ['127.1.0.1', '127.1.0.2', '127.2.0.1'].entries()) {
    dialFrom = from;
    const worker = await startPeer(143 + at, relay.address);
    running.push(worker);
    worker.provider.offerModel(await model({ answerTokens: 5 }));
    await Promise.all([knows(relay.peer, worker.self), knows(other.peer, worker.self)]);
    workers.push(worker.self);
  }
  dialFrom = '127.0.0.1';
  const asker = await startPeer(146, () => [relay.address(), other.address()]);
  running.push(asker);
  await eventually(() => workers.every((worker) => asker.directory.get(worker) !== undefined));

  const [one, two, three] = await labelsAt(asker, relay.peer.self, workers);
  expect(one).toMatch(/^[\da-f]{16}$/);
  expect([two === one, three === one, three]).toEqual([true, false, expect.stringMatching(/^[\da-f]{16}$/)]);
  expect(await labelsAt(asker, other.peer.self, workers)).toEqual(['', '', '']);
});
