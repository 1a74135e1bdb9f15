import { expect, test, vi } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { createEmitter } from '#lib/base/emitter.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { seededRandom } from '#lib/base/random.ts';
import type { MessageRoute, Net, NetStatus, Subscription } from '#lib/net/spec.ts';
import * as envelopes from '#lib/protocol/envelope.ts';
import { createSigner, encodeEnvelope, signEnvelope, type Signer } from '#lib/protocol/envelope.ts';
import { decodeUnverifiedWish, wishesTopic, wishLimits, writeWish, type Wish } from '#lib/protocol/wish.ts';
import { demo, pass } from '../peer.fixture.ts';
import { createTown } from '../town.fixture.ts';
import { createWishes, type WishesComponents } from './wishes.ts';

const [llama, gemma] = ['a'.repeat(64), 'b'.repeat(64)] as const;
const signerOf = (number: number): Signer => {
  const seed = new Uint8Array(32).fill(8);
  new DataView(seed.buffer).setUint32(0, number);
  return createSigner(seed);
};

/** One peer whose net is watched, and the verdicts it gives. */
async function setup(change: Partial<WishesComponents> = {}) {
  const clock = manualClock();
  const statuses = createEmitter<NetStatus>();
  const published: Wish[] = [];
  let subscription: Subscription | undefined;
  const net = {
    publish: async (topic: string, message: Uint8Array) => {
      expect(topic).toBe(wishesTopic);
      published.push(decodeUnverifiedWish(message).wish);
    },
    subscribe: (topic: string, one: Subscription) => {
      expect(topic).toBe(wishesTopic);
      subscription = one;
      return () => (subscription = undefined);
    },
    onStatus: statuses.listen,
  } satisfies Partial<Net>;
  const wishes = createWishes({
    net: net as unknown as Net,
    signer: signerOf(0),
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    relays: () => [],
    follows: 'always',
    ...change,
  });
  await wishes.start();
  const wishOf = (signer: Signer, change: Partial<Wish> = {}) =>
    writeWish(
      { peer: signer.peer, issuedAt: clock.now(), ttlMs: wishLimits.ttlMs, artefacts: [llama], ...change },
      signer,
    );
  const judge = (message: Uint8Array, from: string, route: Partial<MessageRoute> = {}) =>
    subscription!.validate(message, from, { source: from, connected: true, ...route });
  const relayHears = (topics: readonly string[]) =>
    statuses.emit({
      state: 'online',
      connections: [],
      relays: [{ peer: 'relay', addr: '', state: 'reserved', attempts: 1, topics }],
    });
  return { clock, wishes, published, wishOf, judge, relayHears, isSubscribed: () => subscription !== undefined };
}

test('a wish reaches the worker that looks, through the relay, and goes when it is taken back', async () => {
  const town = createTown();
  const relay = await town.relay(1);
  const [asker, other, worker] = [await town.join(2), await town.join(3), await town.join(4)];
  const seen: number[] = [];
  const stop = worker.wishes.follow(() => seen.push(worker.wishes.counts().get(demo.artefact) ?? 0));
  asker.wishes.wish([demo.artefact]);
  other.wishes.wish([demo.artefact]);
  await pass(town.clock, 200);
  expect(seen).toEqual([1, 2]);
  expect(relay.wishes.counts().get(demo.artefact)).toBe(2);
  expect(asker.wishes.counts().get(demo.artefact)).toBe(1);
  asker.wishes.wish([]);
  await pass(town.clock, wishLimits.minGapMs + 200);
  expect(worker.wishes.counts().get(demo.artefact)).toBe(1);
  // One that is gone says nothing more, and its wish lapses.
  await other.stop();
  await pass(town.clock, wishLimits.ttlMs);
  expect(worker.wishes.counts().size).toBe(0);
  stop();
});

test('who looks later sees what is still wished for, within about a minute', async () => {
  const town = createTown();
  await town.relay(1);
  const asker = await town.join(2);
  asker.wishes.wish([demo.artefact]);
  await pass(town.clock, 10_000);
  const worker = await town.join(3);
  worker.wishes.follow(() => undefined);
  await pass(town.clock, wishLimits.repeatMs * 1.2);
  expect(worker.wishes.counts().get(demo.artefact)).toBe(1);
});

test('a wish is said again while it stands, and at once to a relay that has just begun to listen', async () => {
  const { clock, wishes, published, relayHears } = await setup();
  wishes.wish([llama]);
  await clock.advance(0);
  expect(published).toHaveLength(1);
  await clock.advance(wishLimits.minGapMs);
  relayHears(['another']);
  await clock.advance(0);
  expect(published).toHaveLength(1);
  relayHears([wishesTopic]);
  relayHears([wishesTopic]);
  await clock.advance(0);
  expect(published).toHaveLength(2);
  await clock.advance(10 * wishLimits.repeatMs);
  expect(published.length).toBeGreaterThanOrEqual(10);
  expect(published.length).toBeLessThanOrEqual(15);
  const dates = published.map(({ issuedAt }) => issuedAt);
  expect(new Set(dates).size).toBe(dates.length);
  wishes.wish([]);
  await clock.advance(10 * wishLimits.repeatMs);
  expect(published.filter(({ artefacts }) => artefacts.length === 0)).toHaveLength(1);
  expect(published.at(-1)).toMatchObject({ artefacts: [] });
});

test('whoever changes a mind often stays within the share of a peer', async () => {
  const { clock, wishes, published } = await setup();
  const judge = await setup();
  for (let i = 0; i < 200; i++) {
    wishes.wish(i % 2 === 0 ? [llama] : [gemma]);
    await clock.advance(1_000);
    await judge.clock.advance(1_000);
    for (const wish of published.splice(0)) expect(judge.judge(writeWish(wish, signerOf(0)), wish.peer)).toBe('accept');
  }
});

test('a page follows wishes only while it shows them', async () => {
  const { wishes, isSubscribed } = await setup({ follows: 'while-listened-to' });
  expect(isSubscribed()).toBe(false);
  const [stop, stopToo] = [wishes.follow(() => undefined), wishes.follow(() => undefined)];
  expect(isSubscribed()).toBe(true);
  stop();
  stop();
  expect(isSubscribed()).toBe(true);
  stopToo();
  expect(isSubscribed()).toBe(false);
});

test('strangers are ignored, unless a relay hands them on', async () => {
  const { judge, wishOf } = await setup({ relays: () => ['relay'] });
  const stranger = signerOf(1);
  expect(judge(wishOf(stranger), stranger.peer, { source: 'neighbour', connected: false })).toBe('ignore');
  expect(judge(wishOf(stranger), stranger.peer, { source: 'relay', connected: false })).toBe('accept');
});

test('what no honest peer passes on is rejected and counts for nothing', async () => {
  const { judge, wishOf, wishes, clock } = await setup();
  const [hostile, victim] = [signerOf(1), signerOf(2)];
  const record = { peer: hostile.peer, issuedAt: clock.now(), ttlMs: wishLimits.ttlMs, artefacts: [llama] };
  const sealed = (type: 'wish' | 'offer', of: unknown) => encodeEnvelope(signEnvelope(type, of, hostile));
  const good = envelopes.decodeEnvelope(wishOf(hostile));
  const messages = {
    'another’s wish, published again': wishOf(victim),
    'a wish in another’s name': sealed('wish', { ...record, peer: victim.peer }),
    'an envelope of another type': sealed('offer', record),
    'a signature of something else': encodeEnvelope({ ...good, sig: new Uint8Array(64).fill(1) }),
    'a life of a year': sealed('wish', { ...record, ttlMs: 31_536_000_000 }),
    'a thousand models': sealed('wish', { ...record, artefacts: Array.from({ length: 17 }, (_, i) => `${i}`) }),
    'more bytes than a wish has': sealed('wish', { ...record, note: 'x'.repeat(4_000) }),
    'no record': new Uint8Array(300).fill(7),
    nothing: Uint8Array.of(),
  };
  for (const [name, message] of Object.entries(messages))
    expect([name, judge(message, hostile.peer)]).toEqual([name, 'reject']);
  expect(wishes.counts().size).toBe(0);
});

test('who floods is held to its share and pays for it; whoever hands the flood on does not', async () => {
  const { clock, judge, wishOf } = await setup();
  const [flooder, other] = [signerOf(1), signerOf(2)];
  const flood = (route: Partial<MessageRoute> = {}) => judge(wishOf(flooder), flooder.peer, route);
  const verdicts = [];
  for (let i = 0; i < wishLimits.perPeer.burst; i++) {
    verdicts.push(flood());
    await clock.advance(1);
  }
  expect(new Set(verdicts)).toEqual(new Set(['accept']));
  expect(flood()).toBe('reject');
  expect(flood({ source: other.peer })).toBe('ignore');
  expect(judge(wishOf(other), other.peer)).toBe('accept');
});

test('the keys of one machine are worth no more than its share, and those elsewhere still count', async () => {
  const { clock, judge, wishOf, wishes } = await setup();
  const at = (host: string) => ({ address: `/ip4/${host}/tcp/40000/ws` });
  for (let i = 0; i < 2 * wishLimits.peersPerMachineMax; i++) {
    const signer = signerOf(10 + i);
    judge(wishOf(signer), signer.peer, at('192.0.2.1'));
    await clock.advance(100);
  }
  expect(wishes.counts().get(llama)).toBe(wishLimits.peersPerMachineMax);
  const elsewhere = signerOf(1);
  expect(judge(wishOf(elsewhere), elsewhere.peer, at('198.51.100.1'))).toBe('accept');
});

test('no more signatures are verified than all wishes together may cost', async () => {
  const isSigned = vi.spyOn(envelopes, 'isSigned').mockClear();
  const { judge, wishOf } = await setup();
  for (let i = 0; i < wishLimits.overall.burst + 50; i++) {
    const signer = signerOf(1_000 + i);
    judge(wishOf(signer), signer.peer);
  }
  expect(isSigned).toHaveBeenCalledTimes(wishLimits.overall.burst);
  // A repeated wish costs none at all.
  const first = signerOf(1_000);
  expect(judge(wishOf(first), first.peer)).toBe('ignore');
  expect(isSigned).toHaveBeenCalledTimes(wishLimits.overall.burst);
  isSigned.mockRestore();
});
