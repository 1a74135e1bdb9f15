import { afterEach, expect, test } from 'vitest';
import { systemClock } from '#lib/base/clock.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { systemRandom } from '#lib/base/random.ts';
import { scriptedModel } from '#lib/engine/catalog.ts';
import { createScriptedEngine } from '#lib/engine/scripted.ts';
import { createLocalNets } from '#lib/net/local.ts';
import type { Net } from '#lib/net/spec.ts';
import { createPeer, type PeerComponents } from '#lib/peer/peer.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import { offersTopic } from '#lib/protocol/find.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { netCompliance } from '../../compliance/net.ts';
import { netAt, relayOn, reserved, seedOf, until } from './ground.ts';
import { wireTo } from './wire.ts';

netCompliance('libp2p, two nets of one process', async () => {
  const local = createLocalNets();
  const relay = relayOn(8_001, { local });
  await relay.start();
  const b = netAt(relay, 8_002, { local });
  await b.start();
  await reserved(b);
  return {
    a: relay,
    b,
    path: 'loopback',
    nobody: createSigner(seedOf(8_003)).peer,
    teardown: async () => {
      await b.stop();
      await relay.stop();
    },
  };
});

const running: { stop(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of running.splice(0).toReversed()) await one.stop();
});
const keep = <T extends { stop(): Promise<unknown> }>(one: T): T => {
  running.push(one);
  return one;
};

/** A relay with a native peer in one process; the native peer's own link to the relay goes over a wire of the test's. */
async function house(number: number, options: Partial<PeerComponents> = {}) {
  const local = createLocalNets();
  const components = { clock: systemClock, random: systemRandom, logger: silentLogger };
  const node = relayOn(number, { local });
  const relay = await createPeer({
    ...components,
    net: node,
    signer: createSigner(seedOf(number)),
    storage: createMemoryStorage(),
    role: 'native',
    discovery: 'server',
  });
  keep(relay);
  await relay.start();
  const wire = keep(await wireTo(node.listening()!.port));
  const net = netAt([`/ip4/127.0.0.1/tcp/${wire.port}/ws/p2p/${node.self}`], number + 1, { local });
  const native = await createPeer({
    ...components,
    net,
    signer: createSigner(seedOf(number + 1)),
    storage: createMemoryStorage(),
    role: 'native',
    discovery: 'client',
    ...options,
  });
  keep(native);
  return { node, relay, wire, native };
}

const jobs = 200;

test('A8: 200 jobs at once at the own native peer open no socket, and outlive its link to the relay', async () => {
  const { node, relay, wire, native } = await house(8_010, { jobsPerPeerMax: () => 2 * jobs });
  const { promise: cut, resolve } = Promise.withResolvers<void>();
  const engine = createScriptedEngine({ clock: systemClock, slots: jobs, answerTokens: 4 });
  native.provider.offerModel(await engine.load(scriptedModel(0), {}));
  const gone: string[] = [];
  node.onPeerGone((peer) => gone.push(peer));
  await native.start();
  await reserved(native.net);
  const removed: string[] = [];
  relay.directory.onChange((change) => change.type === 'gone' && removed.push(change.peer));

  const ask = async () => {
    const ends: string[] = [];
    const request = {
      model: 'any' as const,
      kind: 'chat' as const,
      input: { messages: [{ role: 'user' as const, content: 'hello' }] },
      params: { maxTokens: 4, temperature: 0 },
      tier: 'open' as const,
    };
    for await (const event of relay.consumer.ask(request)) {
      if (event.type === 'channel-opened') expect(event.path).toBe('loopback');
      if (event.type === 'job-accepted') await cut;
      if (/^job-(finished|failed|cancelled)$/.test(event.type)) ends.push(event.type);
    }
    return ends.join();
  };
  const asking = Promise.all(Array.from({ length: jobs }, ask));
  await until(native.net, ({ connections }) => connections.some(({ path }) => path === 'loopback'));
  expect(wire.carried).toBe(1);
  wire.cut();
  await until(native.net, ({ relays }) => relays[0]!.state === 'lost');
  resolve();
  expect(new Set(await asking)).toEqual(new Set(['job-finished']));
  expect({ gone, removed }).toEqual({ gone: [], removed: [] });
  expect(relay.directory.get(native.self)?.offer.models).toHaveLength(1);
});

test('A8: what the native peer offers is in the directory of its relay without a link, until it stops', async () => {
  const { node, relay, wire, native } = await house(8_020);
  await wire.stop();
  const heard = Promise.withResolvers<string>();
  relay.directory.onChange((change) => change.type === 'offer' && heard.resolve(change.entry.offer.peer));
  native.provider.offerModel(await createScriptedEngine({ clock: systemClock }).load(scriptedModel(10), {}));
  await native.start();
  expect(await heard.promise).toBe(native.self);
  expect(await node.ping(native.self)).toBe(0);
  expect(node.status().connections).toEqual([
    { peer: native.self, path: 'loopback', transport: 'memory', direction: 'outbound' },
  ]);
  const gone: string[] = [];
  node.onPeerGone((peer) => gone.push(peer));
  await native.stop();
  expect(gone).toEqual([native.self]);
  expect(relay.directory.get(native.self)).toBeUndefined();
  await expect(node.open(native.self, '/tabloom/job/2')).rejects.toMatchObject({ code: 'peer-unreachable' });
});

test('A8: what one net of a process publishes is judged once, and others still hear it through the relay', async () => {
  const local = createLocalNets();
  const relay = keep(relayOn(8_030, { local }));
  await relay.start();
  const [native, tab] = [keep(netAt(relay, 8_031, { local })), keep(netAt(relay, 8_032))];
  const judged: number[] = [];
  relay.subscribe(offersTopic, {
    validate: ([number]) => {
      judged.push(number!);
      return number! % 2 === 0 ? 'accept' : 'ignore';
    },
    deliver: () => undefined,
  });
  const heard: number[] = [];
  const hear = (net: Net) =>
    net.subscribe(offersTopic, { validate: () => 'accept', deliver: ([number]) => void heard.push(number!) });
  hear(tab);
  await Promise.all([native.start(), tab.start()]);
  await Promise.all([reserved(native), reserved(tab)]);
  let number = 0;
  await expect
    .poll(
      async () => {
        // Until the mesh stands; each message is another one.
        await native.publish(offersTopic, Uint8Array.of(++number));
        return heard.length;
      },
      { timeout: 90_000, interval: 100 },
    )
    .toBeGreaterThan(2);
  expect(heard.filter((one) => one % 2 !== 0)).toEqual([]);
  // The last one may be on its way still.
  await expect.poll(() => judged.length).toBe(number);
  expect(judged).toEqual(Array.from({ length: number }, (_, i) => i + 1));
});
