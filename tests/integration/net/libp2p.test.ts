import { createSigner } from '#lib/protocol/envelope.ts';
import { offersTopic } from '#lib/protocol/find.ts';
import { netCompliance } from '../../compliance/net.ts';
import { netAt, relayOn, reserved, seedOf } from './ground.ts';

netCompliance('libp2p, Node to Node by WebRTC', async () => {
  const relay = relayOn(1);
  await relay.start();
  // As long as it takes: this suite is about WebRTC.
  const tuning = { directTimeoutMs: 60_000 };
  const [a, b] = [netAt(relay, 2, { tuning }), netAt(relay, 3, { tuning })];
  await Promise.all([a.start(), b.start()]);
  await Promise.all([reserved(a), reserved(b)]);
  return {
    a,
    b,
    path: 'direct',
    nobody: createSigner(seedOf(4)).peer,
    teardown: async () => {
      await Promise.all([a.stop(), b.stop()]);
      await relay.stop();
    },
  };
});

netCompliance('libp2p, Node to Node through the relay', async () => {
  const relay = relayOn(11);
  await relay.start();
  relay.subscribe(offersTopic, { validate: () => 'accept', deliver: () => undefined });
  const tuning = { directTryTimeoutsMs: [] };
  const [a, b] = [netAt(relay, 12, { tuning }), netAt(relay, 13, { tuning })];
  await Promise.all([a.start(), b.start()]);
  await Promise.all([reserved(a), reserved(b)]);
  return {
    a,
    b,
    path: 'relayed',
    nobody: createSigner(seedOf(14)).peer,
    teardown: async () => {
      await Promise.all([a.stop(), b.stop()]);
      await relay.stop();
    },
  };
});

netCompliance('libp2p, relay to peer over its WebSocket', async () => {
  const relay = relayOn(21);
  await relay.start();
  const b = netAt(relay, 22);
  await b.start();
  await reserved(b);
  return {
    a: relay,
    b,
    path: 'direct',
    nobody: createSigner(seedOf(24)).peer,
    teardown: async () => {
      await b.stop();
      await relay.stop();
    },
  };
});
