import { describe, expect, test } from 'vitest';
import { createEmitter } from '#lib/base/emitter.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { createDirectory } from '#lib/market/directory.ts';
import { denyLimits } from '#lib/net/deny-list.ts';
import type { Net, NetStatus } from '#lib/net/spec.ts';
import { createSigner, encodeEnvelope, type Envelope } from '#lib/protocol/envelope.ts';
import {
  decodeFindFrame,
  encodeFindFrame,
  encodeFindRequest,
  findProtocol,
  offersTopic,
  shardOf,
  type FindFrame,
  type FindRequest,
} from '#lib/protocol/find.ts';
import type { UnknownFrame } from '#lib/protocol/frame.ts';
import { peerIdFromKey } from '#lib/protocol/ids.ts';
import { limits } from '#lib/protocol/limits.ts';
import { signOffer, type Offer } from '#lib/protocol/offer.ts';
import { build } from '#lib/protocol/version.ts';
import { addressLimits } from './address-shares.ts';
import { createDiscoveryClient } from './discovery-client.ts';
import { createDiscoveryServer } from './discovery-server.ts';
import { smallNetworkMax } from './network-size.ts';
import { admitGossip } from './offer-validator.ts';
import { demo, pass } from '../peer.fixture.ts';
import { createGround, seedOf, signerOf } from '../town.fixture.ts';

async function createNetwork(network: 'small' | 'large' = 'small') {
  const { clock, random, network: memory, net } = createGround();
  const directory = createDirectory({ clock });
  const relay = await net(1);
  const server = createDiscoveryServer({
    net: relay,
    directory,
    clock,
    random,
    logger: silentLogger,
    network: () => network,
  });
  await server.start();
  let seq = 0;
  const offer = (number: number, change: Partial<Offer> = {}): Offer => ({
    peer: signerOf(number).peer,
    seq: ++seq,
    issuedAt: clock.now(),
    ttlMs: 45_000,
    role: 'tab',
    draining: false,
    engine: { name: 'scripted', build: '1', deviceClass: 'test' },
    models: [
      {
        artefact: demo.artefact,
        name: demo.name,
        kinds: ['chat'],
        features: [],
        contextTokens: 2_048,
        quantisation: 'none',
        price: { in: '0', out: '0' },
        slots: 1,
        running: 0,
        queued: 0,
      },
    ],
    tiers: ['open'],
    policy: [],
    addrs: [],
    build,
    ...change,
  });
  const bytes = (number: number, change: Partial<Offer> = {}) =>
    encodeEnvelope(signOffer(offer(number, change), signerOf(number)));
  return { clock, random, memory, net, directory, relay, server, offer, bytes };
}

async function find(net: Net, relay: string, request: FindRequest | Uint8Array) {
  const channel = await net.open(relay, findProtocol);
  const seen = { frames: [] as (FindFrame | UnknownFrame)[], ended: 'open' as 'open' | 'closed' | 'lost' };
  const read = async () => {
    try {
      for await (const body of channel) seen.frames.push(decodeFindFrame(body));
      seen.ended = 'closed';
    } catch {
      seen.ended = 'lost';
    }
  };
  void read();
  await channel.send(request instanceof Uint8Array ? request : encodeFindRequest(request));
  return Object.assign(seen, { channel });
}

describe('gossiped offers', () => {
  test('are kept when they are fresh and by the peer they name', async () => {
    const { clock, directory, bytes, offer, net, relay } = await createNetwork();
    const worker = await net(2);
    await worker.publish(offersTopic, bytes(2));
    await pass(clock, 10);
    expect(directory.get(worker.self)?.offer.peer).toBe(worker.self);
    expect(relay.self).not.toBe(worker.self);
    const cases: readonly (readonly [string, Uint8Array, string, 'accept' | 'ignore' | 'reject'])[] = [
      ['garbage', Uint8Array.of(1, 2, 3), worker.self, 'reject'],
      ['nothing', new Uint8Array(), worker.self, 'reject'],
      ['too much', new Uint8Array(limits.gossipBytesMax + 1), worker.self, 'reject'],
      ["somebody else's", bytes(3), worker.self, 'reject'],
      ['with a broken signature', broken(bytes(2)), worker.self, 'reject'],
      ['old by its number', bytes(2, { seq: 1 }), worker.self, 'ignore'],
      ['old by its date', bytes(4, { issuedAt: clock.now() - 120_000 }), signerOf(4).peer, 'ignore'],
      ['from the future', bytes(4, { issuedAt: clock.now() + 60_000 }), signerOf(4).peer, 'ignore'],
      ['fresh', bytes(4), signerOf(4).peer, 'accept'],
    ];
    expect(cases.map(([name, message, from]) => [name, admitGossip(directory, message, from)])).toEqual(
      cases.map(([name, , , verdict]) => [name, verdict]),
    );
    const again = encodeEnvelope(signOffer(offer(5), signerOf(5)));
    expect([admitGossip(directory, again, signerOf(5).peer), admitGossip(directory, again, signerOf(5).peer)]).toEqual([
      'accept',
      'ignore',
    ]);
  });
});

test('a peer whose last connection has ended is taken out, and others are not', async () => {
  const { clock, random, memory, bytes, net } = await createNetwork();
  const directory = createDirectory({ clock });
  const gone = createEmitter<string>();
  const relay = { ...memory.createNet({ seed: seedOf(40) }), onPeerGone: gone.listen };
  await relay.start();
  const server = createDiscoveryServer({ net: relay, directory, clock, random, logger: silentLogger });
  await server.start();
  const [leaver, stayer] = [await net(2), await net(3)];
  await leaver.publish(offersTopic, bytes(2));
  await stayer.publish(offersTopic, bytes(3));
  await pass(clock, 10);
  expect(directory.entries()).toHaveLength(2);
  gone.emit(leaver.self);
  expect(directory.entries().map(({ offer }) => offer.peer)).toEqual([stayer.self]);
  await server.stop();
  gone.emit(stayer.self);
  expect(directory.entries()).toHaveLength(1);
});

describe('a find stream', () => {
  test('says hello, gives a sample, then the changes', async () => {
    const { clock, directory, net, relay, bytes } = await createNetwork();
    const workers = await Promise.all([2, 3].map(net));
    await workers[0]!.publish(offersTopic, bytes(2));
    await pass(clock, 10);
    const time = clock.now();
    const seen = await find(await net(9), relay.self, { limit: 10 });
    await pass(clock, 10);
    expect(seen.frames).toMatchObject([
      { t: 'hello', peer: relay.self, network: 'small', peers: 1, build, time },
      { t: 'sample', offers: [{ type: 'offer' }] },
    ]);
    await workers[1]!.publish(offersTopic, bytes(3));
    await pass(clock, 10);
    directory.remove(workers[0]!.self);
    await pass(clock, 10);
    expect(seen.frames.slice(2)).toMatchObject([{ t: 'offer' }, { t: 'gone', peer: workers[0]!.self }]);
    await pass(clock, limits.findAliveIntervalMs + 100);
    expect(seen.frames.at(-1)).toEqual({ t: 'alive' });
    await seen.channel.close();
    await pass(clock, 10);
    expect(seen.ended).toBe('closed');
  });

  test('tells of what was wished for alone', async () => {
    const { clock, net, relay, bytes } = await createNetwork();
    const other = { ...JSON.parse(JSON.stringify({ models: [] })), tiers: ['open'] } as Partial<Offer>;
    await (await net(2)).publish(offersTopic, bytes(2));
    await (await net(3)).publish(offersTopic, bytes(3, other));
    await pass(clock, 10);
    const seen = await find(await net(9), relay.self, { artefact: demo.artefact, limit: 10 });
    const nothing = await find(await net(10), relay.self, { tier: 'confidential', limit: 10 });
    await pass(clock, 10);
    expect(seen.frames[1]).toMatchObject({ t: 'sample', offers: [{}] });
    expect(nothing.frames[1]).toEqual({ t: 'sample', offers: [] });
  });

  test('finds the workers of which one model has every feature', async () => {
    const { clock, net, relay, bytes, offer } = await createNetwork();
    const [model] = offer(2).models;
    const can = (...features: readonly string[]) => ({ ...model!, features: [...features] });
    const other = (one: typeof model) => ({ ...one!, artefact: 'f'.repeat(64) });
    await (await net(2)).publish(offersTopic, bytes(2, { models: [can('tools', 'seed')] }));
    await (await net(3)).publish(offersTopic, bytes(3, { models: [can('tools'), other(can('seed'))] }));
    await (await net(4)).publish(offersTopic, bytes(4, { models: [other(can('seed', 'tools'))] }));
    await pass(clock, 10);
    const finds = async (number: number, request: Omit<FindRequest, 'limit'>) => {
      const { frames } = await find(await net(number), relay.self, { ...request, limit: 10 });
      await pass(clock, 10);
      return frames.flatMap((frame) => (frame.t === 'sample' ? frame.offers.map(({ key }) => peerIdFromKey(key)) : []));
    };
    const peersOf = (...numbers: readonly number[]) => numbers.map((number) => signerOf(number).peer).toSorted();
    expect((await finds(9, { features: ['tools'] })).toSorted()).toEqual(peersOf(2, 3, 4));
    expect((await finds(10, { features: ['seed', 'tools'] })).toSorted()).toEqual(peersOf(2, 4));
    expect(await finds(11, { features: ['seed', 'tools'], artefact: demo.artefact })).toEqual(peersOf(2));
    expect(await finds(12, { features: ['a-later-one'] })).toEqual([]);
  });

  test('finds the workers of which one model has the name and does the kind', async () => {
    const { clock, net, relay, bytes, offer } = await createNetwork();
    const [model] = offer(2).models;
    const named = (name: string, kind: string) => ({ ...model!, artefact: 'f'.repeat(64), name, kinds: [kind] });
    await (await net(2)).publish(offersTopic, bytes(2, { models: [named('a', 'chat'), named('b', 'embedding')] }));
    await (await net(3)).publish(offersTopic, bytes(3, { models: [named('a', 'embedding')] }));
    await pass(clock, 10);
    const finds = async (number: number, request: Omit<FindRequest, 'limit'>) => {
      const { frames } = await find(await net(number), relay.self, { ...request, limit: 10 });
      await pass(clock, 10);
      return frames.flatMap((frame) => (frame.t === 'sample' ? frame.offers.map(({ key }) => peerIdFromKey(key)) : []));
    };
    expect(await finds(9, { name: 'a' })).toHaveLength(2);
    expect(await finds(10, { name: 'a', kind: 'embedding' })).toEqual([signerOf(3).peer]);
    expect(await finds(11, { kind: 'chat' })).toEqual([signerOf(2).peer]);
    expect(await finds(12, { name: 'a', artefact: demo.artefact })).toEqual([]);
  });

  test('a relay that joins another takes over what that one lists, and believes no forged offer', async () => {
    const { clock, random, net, relay, bytes, offer, directory: listed } = await createNetwork();
    await (await net(2)).publish(offersTopic, bytes(2));
    await pass(clock, 10);
    const forger = await net(60);
    const forged = { ...signOffer(offer(61), signerOf(61)), key: signerOf(62).publicKey };
    forger.handle(findProtocol, async (channel) => {
      await channel[Symbol.asyncIterator]().next();
      await channel.send(encodeFindFrame({ t: 'hello', peer: forger.self, build, network: 'small', peers: 1 }));
      await channel.send(encodeFindFrame({ t: 'sample', offers: [forged] }));
    });
    const directory = createDirectory({ clock });
    const joining = createDiscoveryServer({
      net: await net(50),
      directory,
      clock,
      random,
      logger: silentLogger,
      relays: () => [relay.self, forger.self],
    });
    await joining.start();
    await pass(clock, 50);
    expect(listed.size).toBe(1);
    expect(directory.entries().map(({ offer: { peer } }) => peer)).toEqual([signerOf(2).peer]);
    await joining.stop();
  });

  test('a relay drops whom another reports gone, however many those are, but not a peer that announces itself here', async () => {
    const { clock, random, net, memory, offer, bytes } = await createNetwork('large');
    const [first, second] = [40, 41].map((number) => ({ number, directory: createDirectory({ clock }) }));
    const gone = createEmitter<string>();
    const start = async ({ number, directory }: NonNullable<typeof first>, other: number) => {
      const own = {
        ...memory.createNet({ seed: seedOf(number) }),
        ...(number === 40 ? { onPeerGone: gone.listen } : {}),
      };
      await own.start();
      const relays = () => [signerOf(other).peer];
      const server = createDiscoveryServer({
        net: own,
        directory,
        clock,
        random,
        logger: silentLogger,
        relays,
        network: () => 'large',
      });
      await server.start();
      return server;
    };
    for (const { directory } of [first!, second!]) {
      for (let number = 100; number < 101 + limits.findLimitMax; number++) {
        const entered = offer(number, { seq: number });
        directory.consider(entered, signOffer(entered, signerOf(number)));
      }
    }
    const servers = [await start(first!, 41), await start(second!, 40)];
    await pass(clock, 1_000);
    const worker = await net(2);
    await worker.publish(offersTopic, bytes(2));
    await pass(clock, 50);
    expect([first!.directory.size, second!.directory.size]).toEqual([66, 66]);
    // Each relay has one more worker than it reports offers of.
    for (let number = 100; number < 101 + limits.findLimitMax; number++) gone.emit(signerOf(number).peer);
    gone.emit(worker.self);
    await pass(clock, 50);
    expect(first!.directory.size).toBe(0);
    expect(second!.directory.entries().map(({ offer: { peer } }) => peer)).toEqual([worker.self]);
    for (const server of servers) await server.stop();
    await pass(clock, 50);
    expect(memory.openChannels).toBe(0);
  });

  test('in a large network follows no more peers than were asked for', async () => {
    const { clock, net, relay, bytes, directory } = await createNetwork('large');
    const seen = await find(await net(9), relay.self, { limit: 2 });
    // The relay has read the request, so that what comes now is a change.
    await pass(clock, 10);
    const workers = [];
    for (const number of [2, 3, 4]) {
      const worker = await net(number);
      workers.push(worker);
      await worker.publish(offersTopic, bytes(number));
      await pass(clock, 10);
    }
    expect(seen.frames.filter(({ t }) => t === 'offer')).toHaveLength(2);
    directory.remove(workers[0]!.self);
    await workers[2]!.publish(offersTopic, bytes(4));
    await pass(clock, 10);
    expect(seen.frames.slice(-2)).toMatchObject([{ t: 'gone' }, { t: 'offer' }]);
  });

  test('D10: of its own offer an asker hears in any case, and so knows that it is listed', async () => {
    const { clock, net, relay, bytes, directory } = await createNetwork('large');
    for (const number of [2, 3, 4]) await (await net(number)).publish(offersTopic, bytes(number));
    const worker = await net(9);
    await worker.publish(offersTopic, bytes(9));
    await pass(clock, 10);
    const listed = (frames: readonly (FindFrame | UnknownFrame)[]) =>
      frames.flatMap((frame) => (frame.t === 'sample' ? frame.offers : frame.t === 'offer' ? [frame.offer] : []));
    const own = ({ key }: Envelope) => peerIdFromKey(key) === worker.self;
    const seen = await find(worker, relay.self, { limit: 1 });
    await pass(clock, 10);
    expect(listed(seen.frames).filter(own)).toHaveLength(1);
    await worker.publish(offersTopic, bytes(9));
    await pass(clock, 10);
    expect(listed(seen.frames).filter(own)).toHaveLength(2);
    directory.remove(worker.self);
    await pass(clock, 10);
    expect(seen.frames.at(-1)).toEqual({ t: 'gone', peer: worker.self });
  });

  test.each([
    ['garbage', Uint8Array.of(0xff)],
    ['no limit', encodeFindFrame({ t: 'alive' })],
  ])('ends at %s', async (_name, request) => {
    const { clock, net, relay } = await createNetwork();
    const seen = await find(await net(9), relay.self, request);
    await pass(clock, 10);
    expect([seen.ended, seen.frames]).toEqual(['lost', []]);
  });

  test('ends when nothing is asked, or too much', async () => {
    const { clock, net, relay, memory } = await createNetwork();
    const asker = await net(9);
    const silent = await asker.open(relay.self, findProtocol);
    await pass(clock, limits.openFrameTimeoutMs + 100);
    expect(silent.closed.aborted).toBe(true);
    const streams = [];
    for (let i = 0; i < limits.findStreamsPerPeerMax + 2; i++)
      streams.push(await find(asker, relay.self, { limit: 1 }).catch(() => undefined));
    await pass(clock, 10);
    expect(streams.filter((stream) => stream?.ended === 'open')).toHaveLength(limits.findStreamsPerPeerMax);
    expect(memory.openChannels).toBe(limits.findStreamsPerPeerMax);
  });

  test('a relay that stops ends its streams', async () => {
    const { clock, net, relay, server, memory } = await createNetwork();
    await find(await net(9), relay.self, { limit: 1 });
    await pass(clock, 10);
    await server.stop();
    await pass(clock, 10);
    expect(memory.openChannels).toBe(0);
  });
});

describe('a discovery client', () => {
  test('believes a relay in nothing', async () => {
    const { clock, random, net, bytes, offer } = await createNetwork();
    const liar = await net(50);
    const forged = { ...signOffer(offer(60), signerOf(60)), key: signerOf(61).publicKey };
    liar.handle(findProtocol, async (channel) => {
      await channel[Symbol.asyncIterator]().next();
      await channel.send(encodeFindFrame({ t: 'hello', peer: liar.self, build, network: 'small', peers: 9 }));
      await channel.send(encodeFindFrame({ t: 'sample', offers: [forged] }));
      await channel.send(encodeFindFrame({ t: 'gone', peer: signerOf(70).peer }));
      await clock.delay(60_000);
    });
    const asker = await net(9);
    const directory = createDirectory({ clock });
    const client = createDiscoveryClient({
      net: asker,
      directory,
      clock,
      random,
      logger: silentLogger,
      relays: () => [liar.self],
    });
    await client.start();
    await pass(clock, 50);
    expect(directory.entries()).toEqual([]);
    // Known by the topic, which a small network is listened to; the liar cannot take it away.
    const worker = await net(70);
    await worker.publish(offersTopic, bytes(70));
    await pass(clock, 50);
    expect(directory.get(worker.self)).toBeDefined();
    await client.stop();
  });

  /** A relay that sends what it is told to, and a client of it. */
  async function scriptedRelay(more: readonly string[] = []) {
    const ground = await createNetwork('large');
    const { clock, random, net } = ground;
    const relay = await net(50);
    let streams = 0;
    let send: (frame: FindFrame) => Promise<void> = async () => undefined;
    relay.handle(findProtocol, async (channel) => {
      streams += 1;
      await channel[Symbol.asyncIterator]().next();
      send = (frame) => channel.send(encodeFindFrame(frame));
      await send({ t: 'hello', peer: relay.self, build, network: 'large', peers: 9 });
      await new Promise((resolve) => channel.closed.addEventListener('abort', resolve));
    });
    const directory = createDirectory({ clock });
    const changed = createEmitter<NetStatus>();
    const asker = await net(9);
    let relays: readonly string[] = [relay.self, ...more];
    const client = createDiscoveryClient({
      net: { ...asker, onStatus: changed.listen },
      directory,
      clock,
      random,
      logger: silentLogger,
      relays: () => relays,
    });
    await client.start();
    await pass(clock, 50);
    return {
      ...ground,
      asked: directory,
      streams: () => streams,
      async sends(frame: FindFrame) {
        await send(frame);
        await pass(clock, 50);
      },
      name(next: readonly string[]) {
        relays = next;
        changed.emit(asker.status());
      },
    };
  }

  test('asks a relay that forges no more for a while, and holds nothing against those it names', async () => {
    const { clock, sends, streams, asked, offer } = await scriptedRelay();
    const forged = () => ({ ...signOffer(offer(60), signerOf(60)), key: signerOf(61).publicKey });
    const offers = Array.from({ length: denyLimits.rejectionsMax - 1 }, forged);
    await sends({ t: 'sample', offers });
    await pass(clock, 1_000);
    expect(streams()).toBe(1);
    await sends({ t: 'offer', offer: forged() });
    await pass(clock, denyLimits.denyMs - 10_000);
    expect(streams()).toBe(1);
    await pass(clock, 20_000);
    expect(streams()).toBe(2);
    await sends({ t: 'offer', offer: signOffer(offer(61), signerOf(61)) });
    expect(asked.get(signerOf(61).peer)).toBeDefined();
  });

  test('takes an older offer after a newer one for a replay, and the same one twice for none', async () => {
    const { clock, sends, streams, asked, offer } = await scriptedRelay();
    const [older, newer] = [offer(60), offer(60)].map((one) => signOffer(one, signerOf(60))) as [Envelope, Envelope];
    await sends({ t: 'offer', offer: newer });
    for (let i = 0; i < 2 * denyLimits.rejectionsMax; i++) await sends({ t: 'offer', offer: newer });
    expect(streams()).toBe(1);
    for (let i = 0; i < denyLimits.rejectionsMax; i++) await sends({ t: 'offer', offer: older });
    await pass(clock, 30_000);
    expect([streams(), asked.get(signerOf(60).peer)?.envelope]).toEqual([1, newer]);
  });

  test('knows through a second relay what the first one hides', async () => {
    const honest = signerOf(1).peer;
    const { clock, bytes, net, asked } = await scriptedRelay([honest]);
    const worker = await net(2);
    await worker.publish(offersTopic, bytes(2));
    await pass(clock, 50);
    expect(asked.get(worker.self)).toBeDefined();
  });

  test('a relay that is given up has no say in who is gone', async () => {
    const honest = signerOf(1).peer;
    const { clock, bytes, net, asked, sends, name, directory } = await scriptedRelay([honest]);
    const worker = await net(2);
    await worker.publish(offersTopic, bytes(2));
    await pass(clock, 50);
    await sends({ t: 'offer', offer: directory.get(worker.self)!.envelope });
    name([honest]);
    directory.remove(worker.self);
    await pass(clock, 50);
    expect(asked.get(worker.self)).toBeUndefined();
  });

  test('is told when the network grows and shrinks, and publishes and subscribes accordingly', async () => {
    const { clock, random, net, directory: listed, relay, offer } = await createNetwork();
    const enter = (number: number) => {
      const entered = offer(number);
      listed.consider(entered, signOffer(entered, signerOf(number)));
      return entered.peer;
    };
    const asker = await net(9);
    const subscribed = new Set<string>();
    const client = createDiscoveryClient({
      net: { ...asker, subscribe: (topic) => (subscribed.add(topic), () => void subscribed.delete(topic)) },
      directory: createDirectory({ clock }),
      clock,
      random,
      logger: silentLogger,
      relays: () => [relay.self],
    });
    const audiences: (readonly string[])[] = [];
    client.audience.onChange(() => audiences.push(client.audience.topicsFor(offer(2).models)));
    await client.start();
    await pass(clock, 50);
    expect([...subscribed]).toEqual([offersTopic]);
    const peers = Array.from({ length: smallNetworkMax }, (_, i) => enter(100 + i));
    await pass(clock, 50);
    expect([...subscribed]).toEqual([offersTopic]);
    enter(99);
    await pass(clock, 50);
    expect([...subscribed]).toEqual([]);
    for (const peer of peers) listed.remove(peer);
    await pass(clock, 50);
    expect([...subscribed]).toEqual([offersTopic]);
    const shard = shardOf(demo.artefact);
    expect(audiences).toEqual([[offersTopic], [shard], [offersTopic]]);
    await client.stop();
    expect([...subscribed]).toEqual([]);
  });

  describe('searches', () => {
    const rare = 'e'.repeat(64);

    /** An asker of a relay that lists more workers of one model than the asker follows, and then one of another. */
    async function largeNetwork() {
      const ground = await createNetwork('large');
      const { clock, random, net, directory: listed, relay, memory, offer } = ground;
      const enter = (number: number, change: Partial<Offer> = {}) => {
        const entered = offer(number, change);
        listed.consider(entered, signOffer(entered, signerOf(number)));
        return entered.peer;
      };
      for (let number = 100; number < 100 + limits.findLimitMax; number++) enter(number);
      const directory = createDirectory({ clock });
      const asker = await net(9);
      let isOpening = true;
      const client = createDiscoveryClient({
        net: { ...asker, open: (...to) => (isOpening ? asker.open(...to) : new Promise(() => undefined)) },
        directory,
        clock,
        random,
        logger: silentLogger,
        relays: () => [relay.self],
      });
      await client.start();
      await pass(clock, 50);
      const models = [{ ...offer(2).models[0]!, artefact: rare, features: ['tools'] }];
      const worker = enter(2, { models });
      await pass(clock, 50);
      expect([directory.size, directory.get(worker)]).toEqual([limits.findLimitMax, undefined]);
      return {
        ...ground,
        client,
        asked: directory,
        worker,
        listed,
        streams: () => memory.openChannels,
        again: () => enter(2, { models }),
        relayHangs: () => (isOpening = false),
      };
    }

    test('find a worker outside the sample, follow it, and end once it has not been asked for', async () => {
      const { clock, client, asked, worker, listed, streams, again } = await largeNetwork();
      const answer = client.search({ artefact: rare, features: ['tools'], limit: 16 });
      await pass(clock, 50);
      await answer;
      expect([asked.get(worker)?.offer.peer, streams()]).toEqual([worker, 2]);
      // It is known by now, and so is every change of it.
      expect(client.search({ artefact: rare, features: ['tools'], limit: 16 })).toBeUndefined();
      listed.remove(worker);
      await pass(clock, 50);
      expect(asked.get(worker)).toBeUndefined();
      again();
      await pass(clock, 50);
      expect(asked.get(worker)).toBeDefined();
      await pass(clock, 61_000);
      expect(streams()).toBe(1);
      await client.stop();
      await pass(clock, 50);
      expect(streams()).toBe(0);
    });

    test('follow by its topic what is rare, and hear of no other artefact there', async () => {
      const { clock, net, client, asked, worker, bytes, memory, offer } = await largeNetwork();
      expect(client.audience.topicsFor([{ artefact: rare }, { artefact: demo.artefact }])).toEqual([
        shardOf(rare),
        shardOf(demo.artefact),
      ]);
      void client.search({ artefact: rare, limit: 16 });
      await pass(clock, 50);
      const heard = asked.size;
      const other = await net(3);
      const models = [{ ...offer(3).models[0]!, artefact: rare }];
      memory.setConditions({ publishLoss: 1 }, [signerOf(1).peer, other.self]);
      await other.publish(shardOf(demo.artefact), bytes(3));
      await other.publish(offersTopic, bytes(3));
      await pass(clock, 50);
      expect(asked.size).toBe(heard);
      // The relay never had it.
      await other.publish(shardOf(rare), bytes(3, { models }));
      await pass(clock, 50);
      expect([asked.size, asked.get(other.self)?.offer.models[0]?.artefact]).toEqual([heard + 1, rare]);
      expect(asked.get(worker)).toBeDefined();
      await client.stop();
    });

    test('resolve where there is no such worker', async () => {
      const { clock, client, asked } = await largeNetwork();
      const answer = client.search({ artefact: 'd'.repeat(64), limit: 16 });
      await pass(clock, 50);
      await answer;
      expect(asked.size).toBe(limits.findLimitMax);
      await client.stop();
    });

    test('are two at a time: the one asked for least recently makes room, but not while it is being answered', async () => {
      const { clock, client, streams, relayHangs } = await largeNetwork();
      for (const name of ['a', 'b', 'c', 'd']) {
        void client.search({ name, limit: 16 });
        await pass(clock, 50);
      }
      expect(streams()).toBe(3);
      expect([client.search({ name: 'd', limit: 16 }), client.search({ name: 'c', limit: 16 })]).toEqual([
        undefined,
        undefined,
      ]);
      await pass(clock, 50);
      relayHangs();
      const hanging = [client.search({ name: 'e', limit: 16 }), client.search({ name: 'f', limit: 16 })];
      expect([...hanging, client.search({ name: 'g', limit: 16 })]).toEqual([
        expect.any(Promise),
        expect.any(Promise),
        undefined,
      ]);
      await pass(clock, 3_000);
      expect(client.search({ name: 'g', limit: 16 })).toBeInstanceOf(Promise);
      // Given up, it keeps nobody waiting.
      await hanging[0];
      await client.stop();
    });

    test('take a worker for gone only once neither the sample nor the search reports it', async () => {
      const { clock, client, asked, listed, streams } = await largeNetwork();
      const [known] = asked.entries();
      void client.search({ artefact: demo.artefact, limit: 64 });
      await pass(clock, 50);
      expect(streams()).toBe(2);
      await pass(clock, 40_000);
      listed.remove(known!.offer.peer);
      await pass(clock, 50);
      expect(asked.get(known!.offer.peer)).toBeUndefined();
      expect(asked.size).toBeGreaterThan(0);
      await client.stop();
    });
  });

  test('keeps so many offers of one zone, as its relay labels it or a connection proves it', async () => {
    const { clock, random, offer, net, memory } = await createNetwork('large');
    const relay = await net(50);
    const { offersMax } = addressLimits;
    const crowdSeed = (family: number, i: number) => seedOf(family).fill(i, 0, 1);
    const crowd = Array.from({ length: offersMax + 32 }, (_, i) => createSigner(crowdSeed(200, i)));
    relay.handle(findProtocol, async (channel) => {
      await channel[Symbol.asyncIterator]().next();
      await channel.send(encodeFindFrame({ t: 'hello', peer: relay.self, build, network: 'small', peers: 9 }));
      for (let from = 0; from < crowd.length; from += limits.findLimitMax) {
        const some = crowd.slice(from, from + limits.findLimitMax);
        const offers = some.map((signer) => signOffer({ ...offer(1), peer: signer.peer }, signer));
        await channel.send(encodeFindFrame({ t: 'sample', offers, zones: offers.map(() => 'one') }));
      }
      await channel.send(encodeFindFrame({ t: 'offer', offer: signOffer(offer(60), signerOf(60)), zone: 'two' }));
      await clock.delay(60_000);
    });
    const directory = createDirectory({ clock });
    const client = createDiscoveryClient({
      net: await net(9),
      directory,
      clock,
      random,
      logger: silentLogger,
      relays: () => [relay.self],
    });
    await client.start();
    await pass(clock, 200);
    expect(directory.size).toBe(offersMax + 1);
    expect(directory.get(signerOf(60).peer)).toBeDefined();
    for (let i = 0; i <= offersMax; i++) {
      const seed = crowdSeed(201, i);
      const neighbour = memory.createNet({ seed, addr: '/ip4/203.0.113.7/tcp/1' });
      await neighbour.start();
      const signer = createSigner(seed);
      await neighbour.publish(offersTopic, encodeEnvelope(signOffer({ ...offer(1), peer: signer.peer }, signer)));
    }
    await pass(clock, 200);
    expect(directory.size).toBe(2 * offersMax + 1);
    await client.stop();
  });

  test('comes back to a relay that was lost, more patiently each time', async () => {
    const { clock, random, net } = await createNetwork();
    let streams = 0;
    const shaky = await net(50);
    shaky.handle(findProtocol, async (channel) => {
      streams += 1;
      channel.abort(new Error('no'));
    });
    const client = createDiscoveryClient({
      net: await net(9),
      directory: createDirectory({ clock }),
      clock,
      random,
      logger: silentLogger,
      relays: () => [shaky.self],
    });
    await client.start();
    await pass(clock, 60_000);
    expect(streams).toBeGreaterThan(4);
    expect(streams).toBeLessThan(20);
    await client.stop();
    const before = streams;
    await pass(clock, 60_000);
    expect(streams).toBe(before);
  });

  test('takes a relay that falls silent for lost', async () => {
    const { clock, random, net } = await createNetwork();
    let streams = 0;
    const silent = await net(50);
    silent.handle(findProtocol, async () => {
      streams += 1;
      await clock.delay(600_000);
    });
    const client = createDiscoveryClient({
      net: await net(9),
      directory: createDirectory({ clock }),
      clock,
      random,
      logger: silentLogger,
      relays: () => [silent.self],
    });
    await client.start();
    await pass(clock, limits.findSilenceTimeoutMs - 1_000);
    expect(streams).toBe(1);
    await pass(clock, 3_000);
    expect(streams).toBe(2);
    await client.stop();
  });
});

function broken(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  copy[copy.length - 1]! ^= 1;
  return copy;
}
