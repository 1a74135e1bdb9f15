import { beforeEach, expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { createEmitter } from '#lib/base/emitter.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { seededRandom } from '#lib/base/random.ts';
import { createDirectory } from '#lib/market/directory.ts';
import type { Net, NetStatus, RelayStatus } from '#lib/net/spec.ts';
import { createSigner, type Signer } from '#lib/protocol/envelope.ts';
import { offersTopic, shardsOf } from '#lib/protocol/find.ts';
import { limits } from '#lib/protocol/limits.ts';
import { readOffer, type Offer, type OfferedModel } from '#lib/protocol/offer.ts';
import type { Listing } from './discovery-client.ts';
import { createPresence, loadDelayMs, unlistedMs } from './presence.ts';
import type { Audience, Provider, ProviderState } from '../spec.ts';

const model: OfferedModel = {
  artefact: 'ab'.repeat(32),
  name: 'one',
  kinds: ['chat'],
  features: [],
  contextTokens: 2_048,
  quantisation: 'none',
  price: { in: '0', out: '0' },
  slots: 1,
  running: 0,
  queued: 0,
};

/** A peer whose served models and addresses the test sets, and what it announced. */
function setup(listing?: Listing) {
  const clock = manualClock();
  const stateChanged = createEmitter<ProviderState>();
  const statusChanged = createEmitter<NetStatus>();
  const key = createSigner(new Uint8Array(32).fill(1));
  const status = (): NetStatus => ({ state: 'online', relays: here.relays, connections: [] });
  const announced: Offer[] = [];
  const topics: string[] = [];
  const audienceChanged = createEmitter<void>();
  const here = {
    models: [model] as OfferedModel[],
    own: [] as OfferedModel[],
    draining: false,
    addrs: ['/a'],
    relays: [] as RelayStatus[],
    topics: [offersTopic] as readonly string[],
    nickname: undefined as string | undefined,
    /** What every publication waits for. */
    subscriber: undefined as Promise<void> | undefined,
  };
  let signatures = 0;
  const signer: Signer = { ...key, sign: (message) => ((signatures += 1), key.sign(message)) };
  const provider: Pick<Provider, 'servedModels' | 'onState'> = {
    servedModels: (audience: Audience) => {
      const models = audience === 'self' ? [...here.models, ...here.own] : here.models;
      return { draining: here.draining, engine: { name: 'e', build: '1', deviceClass: 't' }, models };
    },
    onState: stateChanged.listen,
  };
  const net: Pick<Net, 'addresses' | 'status' | 'onStatus' | 'publish'> = {
    addresses: () => here.addrs,
    status,
    onStatus: statusChanged.listen,
    publish: async (topic, message) => {
      if (here.subscriber) await here.subscriber;
      announced.push(readOffer(message).offer);
      topics.push(topic);
    },
  };
  const directory = createDirectory({ clock });
  let listed: ProviderState['models'] = [];
  const stateOf = (models: ProviderState['models']) => ({ phase: 'serving', models }) as ProviderState;
  let seq = 0;
  const presence = createPresence({
    net: net as Net,
    provider: provider as Provider,
    audience: { topicsFor: () => here.topics, onChange: audienceChanged.listen },
    signer,
    directory,
    clock,
    sequence: { next: () => ++seq, settled: async () => undefined },
    random: seededRandom(1),
    logger: silentLogger,
    role: 'tab',
    nickname: () => here.nickname,
    listing,
  });
  return {
    clock,
    directory,
    presence,
    here,
    announced,
    topics,
    async audienceIs(...next: readonly string[]) {
      here.topics = next;
      audienceChanged.emit();
      await clock.advance(limits.offerMinGapMs);
    },
    signatures: () => signatures,
    busy(running: number, change: Partial<OfferedModel> = {}) {
      here.models = here.models.map((one) => ({ ...one, running, ...change }));
      stateChanged.emit(stateOf(listed));
    },
    modelsChanged() {
      listed = [];
      stateChanged.emit(stateOf(listed));
    },
    addressesChanged: () => statusChanged.emit(status()),
    async relayIs(change: Partial<RelayStatus>) {
      here.relays = [{ peer: 'relay', addr: '/r', state: 'connected', attempts: 0, ...change }];
      statusChanged.emit(status());
      await clock.advance(limits.offerMinGapMs);
    },
  };
}

let scene: ReturnType<typeof setup>;
beforeEach(async () => {
  scene = setup();
  await scene.presence.start();
  await scene.clock.advance(limits.offerMinGapMs);
});

const running = (offers: readonly Offer[]) => offers.map(({ models }) => models[0]?.running);

test('nothing is signed while the job that made the peer busy waits for its first token', async () => {
  const before = scene.signatures();
  scene.busy(1);
  await scene.clock.advance(loadDelayMs - 1);
  expect([scene.signatures() - before, running(scene.announced)]).toEqual([0, [0]]);
  await scene.clock.advance(1);
  expect(running(scene.announced)).toEqual([0, 1]);
  expect(scene.directory.entries()[0]!.offer.models[0]!.running).toBe(1);
});

test('what has changed and changed back meanwhile is not announced, and one announcement covers several changes', async () => {
  scene.busy(1);
  await scene.clock.advance(loadDelayMs / 2);
  scene.busy(0);
  await scene.clock.advance(loadDelayMs);
  expect(scene.announced).toHaveLength(1);
  scene.busy(1);
  scene.busy(1, { queued: 1 });
  scene.busy(1, { queued: 2, measured: { decodeTps: 1, prefillTps: 2, ttftMs: 3 } });
  await scene.clock.advance(loadDelayMs);
  expect(scene.announced.slice(1)).toMatchObject([{ models: [{ queued: 2, measured: { ttftMs: 3 } }] }]);
});

test('the models and the addresses are announced at once, with the load of the moment', async () => {
  scene.busy(1);
  scene.here.addrs = ['/b'];
  scene.addressesChanged();
  await scene.clock.advance(0);
  expect(scene.announced.slice(1)).toMatchObject([{ addrs: ['/b'], models: [{ running: 1 }] }]);
  await scene.clock.advance(limits.offerMinGapMs);
  expect(scene.announced).toHaveLength(2);
  scene.here.models = [...scene.here.models, { ...model, name: 'two', artefact: 'cd'.repeat(32) }];
  scene.modelsChanged();
  await scene.clock.advance(0);
  expect(scene.announced.at(-1)!.models.map(({ name }) => name)).toEqual(['one', 'two']);
  scene.here.draining = true;
  scene.modelsChanged();
  expect(scene.announced.at(-1)!.draining).toBe(true);
});

test('an announcement is signed once, unless this device is offered more than the network', async () => {
  expect(scene.signatures()).toBe(1);
  scene.here.own = [{ ...model, name: 'mine', artefact: 'ef'.repeat(32) }];
  scene.modelsChanged();
  await scene.clock.advance(0);
  expect(scene.signatures()).toBe(3);
  expect(scene.announced.at(-1)!.models.map(({ name }) => name)).toEqual(['one']);
  expect(scene.directory.entries()[0]!.offer.models.map(({ name }) => name)).toEqual(['one', 'mine']);
});

test('after the stop nothing is announced but the withdrawal', async () => {
  scene.busy(1);
  await scene.presence.stop();
  await scene.clock.advance(10 * loadDelayMs);
  expect(scene.announced.slice(1)).toMatchObject([{ draining: true, models: [] }]);
});

test('a relay that subscribes after an announcement is sent another, once', async () => {
  await scene.relayIs({ state: 'connected' });
  await scene.relayIs({ state: 'reserved' });
  const before = scene.announced.length;
  await scene.relayIs({ state: 'reserved', topics: [offersTopic] });
  await scene.relayIs({ state: 'reserved', topics: [offersTopic] });
  expect(scene.announced.slice(before)).toHaveLength(1);
  await scene.relayIs({ state: 'lost' });
  await scene.relayIs({ state: 'reserved', topics: [] });
  expect(scene.announced.slice(before)).toHaveLength(3);
  await scene.relayIs({ state: 'reserved', topics: [offersTopic] });
  expect(scene.announced.slice(before)).toHaveLength(4);
});

test('what could not be announced because others were still waiting is announced after them', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  scene.here.subscriber = promise;
  for (const addr of ['/b', '/c', '/d', '/e', '/f']) {
    scene.here.addrs = [addr];
    scene.addressesChanged();
    await scene.clock.advance(limits.offerMinGapMs);
  }
  expect(scene.announced).toHaveLength(1);
  resolve();
  await scene.clock.advance(limits.offerMinGapMs);
  expect(scene.announced.slice(1).map(({ addrs }) => addrs[0])).toEqual(['/b', '/c', '/d', '/e', '/f']);
  await scene.clock.advance(limits.offerMinGapMs);
  expect(scene.announced).toHaveLength(6);
});

test('an announcement that no relay shows is made again, after a pause that doubles, until one does', async () => {
  const changed = createEmitter<readonly string[]>();
  const listing = { relays: [] as string[], onChange: changed.listen };
  const unlisted = setup(listing);
  await unlisted.presence.start();
  await unlisted.clock.advance(0);
  const times: number[] = [];
  for (let ms = 0; ms <= 12_000; ms += 100) {
    if (unlisted.announced.length > times.length) times.push(ms);
    await unlisted.clock.advance(100);
  }
  expect(times.map((ms) => ms / unlistedMs)).toEqual([0, 1, 3, 7].map((pauses) => expect.closeTo(pauses, 0)));
  listing.relays.push('relay');
  changed.emit(listing.relays);
  await unlisted.clock.advance(limits.offerHeartbeatMs / 2);
  expect(unlisted.announced).toHaveLength(times.length);
  listing.relays.pop();
  changed.emit(listing.relays);
  await unlisted.clock.advance(unlistedMs);
  expect(unlisted.announced.length).toBeGreaterThan(times.length);
  await unlisted.presence.stop();
});

test('a network that grows is announced to on its new topics, and once more on the old', async () => {
  await scene.audienceIs(...shardsOf([model]));
  await scene.audienceIs(...shardsOf([model]));
  expect(scene.topics).toEqual([offersTopic, ...shardsOf([model]), offersTopic]);
  await scene.presence.stop();
  expect(scene.topics.slice(3)).toEqual(shardsOf([model]));
  expect(scene.announced.at(-1)!.models).toEqual([]);
});

test('a name is announced while its owner wants one, with the next offer', async () => {
  expect(scene.announced.at(-1)).not.toHaveProperty('nickname');
  scene.here.nickname = 'Ada';
  await scene.clock.advance(2 * limits.offerHeartbeatMs);
  expect(scene.announced.at(-1)).toMatchObject({ nickname: 'Ada' });
  scene.here.nickname = undefined;
  await scene.clock.advance(2 * limits.offerHeartbeatMs);
  expect(scene.announced.at(-1)).not.toHaveProperty('nickname');
});
