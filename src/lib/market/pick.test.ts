import { expect, test } from 'vitest';
import { seededRandom, type Random } from '#lib/base/random.ts';
import { artefactA, artefactB, entryFixture, modelFixture, nowMs, peerFixture } from './offer.fixture.ts';
import { createOfferIndex } from './offer-index.ts';
import { candidates, pick as pickFrom, type Offers, type PickOptions } from './pick.ts';
import type { DirectoryEntry, PeerHistory, RouteQuery } from './spec.ts';

const query: RouteQuery = { model: { artefact: artefactA }, tier: 'open', contextTokens: 200, kind: 'chat' };
const offersOf = (entries: readonly DirectoryEntry[]): Offers => {
  const index = createOfferIndex();
  for (const entry of entries) index.put(entry);
  return { ...index, entries: () => index.all };
};
const pick = (asked: RouteQuery, entries: readonly DirectoryEntry[], over: PickOptions) =>
  pickFrom(asked, offersOf(entries), over);
const floats = (...values: number[]): Random => ({
  float: () => values.shift() ?? 0.5,
  bytes: () => new Uint8Array(),
});
const known: PeerHistory = { finished: 3, failed: 0 };
const options = (over: Partial<PickOptions> = {}): PickOptions => ({
  random: floats(),
  now: nowMs,
  history: () => known,
  ...over,
});
const counts = (entries: readonly DirectoryEntry[], over: Partial<PickOptions> = {}, rounds = 2_000) => {
  const random = seededRandom(7);
  const taken: Record<string, number> = {};
  for (let i = 0; i < rounds; i++) {
    const name = pick(query, entries, options({ ...over, random })).candidate!.entry.offer.peer.slice(8, 9);
    taken[name] = (taken[name] ?? 0) + 1;
  }
  return taken;
};

test('nobody: no candidate, and one reason for each worker', () => {
  const entries = [
    entryFixture('A', { models: [modelFixture({ artefact: artefactB })] }),
    entryFixture('B', { models: [modelFixture({ contextTokens: 100 })] }),
    entryFixture('C', { draining: true }),
  ];
  expect(pick(query, entries, options())).toEqual({
    candidate: undefined,
    rejections: [
      { peer: peerFixture('A'), reason: 'model-not-here' },
      { peer: peerFixture('B'), reason: 'context-too-small' },
      { peer: peerFixture('C'), reason: 'draining' },
    ],
  });
  expect(pick(query, [], options())).toEqual({ candidate: undefined, rejections: [] });
});

test('of two drawn among the best the lighter is taken', () => {
  const busy = entryFixture('A', { models: [modelFixture({ slots: 8, running: 6 })] });
  const idle = entryFixture('B', { models: [modelFixture({ slots: 8, running: 1 })] });
  for (const first of [0, 0.99]) {
    const choice = pick(query, [busy, idle], options({ random: floats(first, 0) }));
    expect(choice.candidate?.entry.offer.peer).toBe(peerFixture('B'));
  }
});

test('equal workers share the jobs; a far slower one gets none', () => {
  const slow = entryFixture('D', {
    models: [modelFixture({ measured: { prefillTps: 9, decodeTps: 5, ttftMs: 100 } })],
  });
  const taken = counts([entryFixture('A'), entryFixture('B'), entryFixture('C'), slow]);
  expect(taken['D']).toBeUndefined();
  for (const name of ['A', 'B', 'C']) expect(taken[name]).toBeGreaterThan(400);
});

test('about one job in twenty goes to a newcomer, however slow', () => {
  const slow = entryFixture('D', {
    models: [modelFixture({ measured: { prefillTps: 9, decodeTps: 5, ttftMs: 100 } })],
  });
  const history = (peer: string) => (peer === peerFixture('D') ? undefined : known);
  const taken = counts([entryFixture('A'), entryFixture('B'), slow], { history });
  expect(taken['D']).toBeGreaterThan(60);
  expect(taken['D']).toBeLessThan(140);
});

test('the own device has no way to travel and no price, and is never a newcomer', () => {
  const price = { in: '5', out: '5' };
  const self = peerFixture('S');
  const entries = [entryFixture('A', { models: [modelFixture({ price })] }), entryFixture('S')];
  const history = () => undefined;
  const newcomer = pick(query, entries, options({ random: floats(0), history, self }));
  expect(newcomer.candidate?.entry.offer.peer).toBe(peerFixture('A'));
  const usual = pick(query, entries, options({ random: floats(0.5), history, self }));
  expect(usual.candidate?.entry.offer.peer).toBe(self);
});

test('parked peers and those tried already are passed over', () => {
  const entries = [entryFixture('A'), entryFixture('B'), entryFixture('C')];
  const parked = (peer: string) => peer === peerFixture('A');
  const choice = pick({ ...query, not: [peerFixture('B')] }, entries, options({ parked }));
  expect(choice.candidate?.entry.offer.peer).toBe(peerFixture('C'));
  expect(choice.rejections.map(({ reason }) => reason)).toEqual(['parked', 'tried-already']);
});

test('of many a sample is looked at, and the own device is always in it', () => {
  const self = peerFixture('S');
  const entries = Array.from({ length: 500 }, (_, i) => entryFixture(`P${i}x`));
  const offers = offersOf([...entries.slice(0, 400), entryFixture('S'), ...entries.slice(400)]);
  const random = seededRandom(3);
  const seen = new Set<string>();
  for (let i = 0; i < 100; i++) {
    const found = candidates(query, offers, options({ random, self })).map(({ entry }) => entry.offer.peer);
    expect([found.length, new Set(found).size, found.includes(self)]).toEqual([64, 64, true]);
    for (const peer of found) seen.add(peer);
  }
  expect(seen.size).toBe(501);
});

test('one free worker among hundreds of full ones is found', () => {
  const full = Array.from({ length: 500 }, (_, i) =>
    entryFixture(`P${i}x`, { models: [modelFixture({ running: 1, queued: 8 })] }),
  );
  const choice = pick(query, [...full, entryFixture('F')], options({ random: seededRandom(4) }));
  expect(choice.candidate?.entry.offer.peer).toBe(peerFixture('F'));
});

test('reasons are found out when they are asked for, and not for everybody', () => {
  const entries = Array.from({ length: 500 }, (_, i) => entryFixture(`P${i}x`, { draining: i % 100 !== 0 }));
  const nothing = { artefact: artefactB };
  const offers = offersOf(entries);
  let scans = 0;
  const counted: Offers = { ...offers, entries: () => ((scans += 1), offers.entries()) };
  const choice = pickFrom({ ...query, model: nothing }, counted, options());
  expect([choice.candidate, scans]).toEqual([undefined, 0]);
  expect(choice.rejections).toHaveLength(32);
  const some = pickFrom({ ...query, contextTokens: 9_999 }, counted, options()).rejections;
  expect(some).toHaveLength(32);
  const mixed = pickFrom(query, counted, options({ parked: () => true })).rejections;
  expect(mixed.filter(({ reason }) => reason === 'parked')).toHaveLength(5);
  expect(mixed).toHaveLength(37);
});

test('among equals nobody is preferred for its place in the list', () => {
  const entries = Array.from({ length: 20 }, (_, i) => entryFixture(String.fromCharCode(65 + i)));
  const taken = counts(entries);
  expect(Object.keys(taken)).toHaveLength(20);
  for (const times of Object.values(taken)) expect(times).toBeGreaterThan(20);
});

test('A7: the last worker of a model is asked last, and never not at all', () => {
  const entries = [entryFixture('A'), entryFixture('B')];
  const chosen = (parked: PickOptions['parked'], not: readonly string[] = []) =>
    pick({ ...query, not }, entries, options({ parked })).candidate?.entry.offer.peer;
  expect(chosen((peer) => peer === peerFixture('A'))).toBe(peerFixture('B'));
  expect(chosen((peer) => peer === peerFixture('A'), [peerFixture('B')])).toBe(peerFixture('A'));
  expect(chosen(() => true)).toBeDefined();
  expect(chosen(() => true, [peerFixture('A'), peerFixture('B')])).toBeUndefined();
});

test('of many those that the asker has had answers from are looked at too', () => {
  const entries = Array.from({ length: 500 }, (_, i) => entryFixture(`P${i}x`));
  const friends = ['P7x', 'P77x'].map(peerFixture);
  const found = candidates(query, offersOf(entries), options({ random: seededRandom(3), known: () => friends }));
  expect(found).toHaveLength(64);
  expect(found.slice(0, 2).map(({ entry }) => entry.offer.peer)).toEqual(friends);
});
