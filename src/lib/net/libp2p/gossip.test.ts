import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { createLocalNets } from '../local.ts';
import type { MessageRoute } from '../spec.ts';
import { createGossip } from './gossip.ts';
import type { TabloomNode } from './node.ts';
import { relayTuning } from './tuning.ts';

const topic = 'offers';
const address = '/ip4/192.0.2.1/tcp/40000/ws';

/** A node that hands messages to the topic's validator, and is connected to those named. */
function setup(connected: readonly string[]) {
  const validators = new Map<string, (source: string, message: object) => unknown>();
  const gossip = createGossip({
    self: 'self',
    local: createLocalNets(),
    clock: manualClock(),
    tuning: relayTuning,
    onReject: () => undefined,
  });
  const node = {
    status: 'started',
    getConnections: (peer: string) => (connected.includes(peer) ? [{ remoteAddr: { toString: () => address } }] : []),
    services: { gossip: { topicValidators: validators, subscribe: () => undefined } },
  };
  const routes: MessageRoute[] = [];
  gossip.attach(node as unknown as TabloomNode);
  gossip.subscribe(topic, {
    validate: (_message, _from, route) => (routes.push(route), 'accept'),
    deliver: () => undefined,
  });
  const receive = (from: string, source: string) =>
    validators.get(topic)!(source, { type: 'signed', from, data: Uint8Array.of(1) });
  return { receive, routes };
}

test('a message comes with the address of its publisher’s connection, whoever forwarded it', () => {
  const { receive, routes } = setup(['A', 'B']);
  receive('A', 'A');
  receive('A', 'B');
  receive('C', 'B');
  expect(routes).toEqual([
    { source: 'A', connected: true, address },
    { source: 'B', connected: true, address },
    { source: 'B', connected: false, address: undefined },
  ]);
});

test('A11: what is read from a neighbour after its connection has gone is a stranger’s', () => {
  const { receive, routes } = setup([]);
  receive('A', 'A');
  expect(routes).toEqual([{ source: 'A', connected: false, address: undefined }]);
});
