import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import { createLocalNets } from '../local.ts';
import type { MessageRoute } from '../spec.ts';
import { createGossip } from './gossip.ts';
import type { TabloomNode } from './node.ts';
import { relayTuning } from './tuning.ts';

const topic = 'offers';
const protocol = '/meshsub/1.2.0';
const address = '/ip4/192.0.2.1/tcp/40000/ws';

/** A node that hands messages to the topic's validator, and is connected to those named. */
function setup(connected: readonly string[]) {
  const validators = new Map<string, (source: string, message: object) => unknown>();
  const subscribers = new Set<string>();
  const writable = new Set<string>();
  const events = new EventTarget();
  const reported: string[] = [];
  const clock = manualClock();
  const gossip = createGossip({
    self: 'self',
    topics: [topic],
    local: createLocalNets(),
    clock,
    tuning: relayTuning,
    onReject: () => undefined,
    onSubscriber: (peer) => reported.push(peer),
  });
  const node = {
    status: 'started',
    getConnections(id: { toString(): string }) {
      const peer = id.toString();
      const streams = writable.has(peer) ? [{ direction: 'outbound', protocol }] : [];
      return connected.includes(peer) ? [{ remoteAddr: { toString: () => address }, streams }] : [];
    },
    services: {
      gossip: {
        topicValidators: validators,
        subscribe: () => undefined,
        getSubscribers: () => [...subscribers],
        protocols: [protocol],
        addEventListener: events.addEventListener.bind(events),
      },
    },
  };
  const routes: MessageRoute[] = [];
  gossip.attach(node as unknown as TabloomNode);
  gossip.subscribe(topic, {
    validate: (_message, _from, route) => (routes.push(route), 'accept'),
    deliver: () => undefined,
  });
  const receive = (from: string, source: string) =>
    validators.get(topic)!(source, { type: 'signed', from, data: Uint8Array.of(1) });
  const subscribe = (peerId: string) => {
    subscribers.add(peerId);
    events.dispatchEvent(new CustomEvent('subscription-change', { detail: { peerId, subscriptions: [] } }));
  };
  return { receive, routes, gossip, clock, subscribe, writable, reported };
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

const [a, b, c] = [1, 2, 3].map((number) => createSigner(new Uint8Array(32).fill(number)).peer) as [
  string,
  string,
  string,
];

test('a subscriber is reported once a message can reach it: the stream to it may open after its own has', async () => {
  const { gossip, clock, subscribe, writable, reported } = setup([a, b]);
  writable.add(a);
  subscribe(a);
  subscribe(b);
  await clock.advance(500);
  expect([reported, gossip.topicsOf(a), gossip.topicsOf(b), gossip.topicsOf(c)]).toEqual([[a], [topic], [], []]);
  writable.add(b);
  await clock.advance(50);
  expect([reported, gossip.topicsOf(b)]).toEqual([[a, b], [topic]]);
});
