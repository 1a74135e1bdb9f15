import { describe, expect, test } from 'vitest';
import { seededRandom, type Random } from '#lib/base/random.ts';
import { artefactA, artefactB, entryFixture, modelFixture, nowMs, peerFixture } from './offer.fixture.ts';
import { createOfferIndex } from './offer-index.ts';
import { candidates, type Offers } from './candidates.ts';
import { route as routeOver, type Knowledge, type RouteOptions } from './route.ts';
import type { DirectoryEntry, RouteQuery } from './spec.ts';
import { noStanding, standingLimits, withFork, withVouch, type Standing } from './standing.ts';

const query: RouteQuery = { model: { artefact: artefactA }, tier: 'open', contextTokens: 200, kind: 'chat' };
const offersOf = (entries: readonly DirectoryEntry[]): Offers => {
  const index = createOfferIndex();
  for (const entry of entries) index.put(entry);
  return { ...index, entries: () => index.all };
};
interface Over extends Partial<RouteOptions>, Knowledge {}
const route = (asked: RouteQuery, entries: readonly DirectoryEntry[] | Offers, over: Over = {}) => {
  const { standing = () => known, zone, isOwn, isBenched, known: knows, proves, underWay, brokenIn, ...options } = over;
  const knowledge = { standing, zone, isOwn, isBenched, known: knows, proves, underWay, brokenIn };
  const offers = 'serving' in entries ? entries : offersOf(entries);
  return routeOver(asked, offers, knowledge, { random: floats(), now: nowMs, ...options });
};
const peerOf = (found: ReturnType<typeof route>) => found.candidate?.entry.offer.peer;
const floats = (...values: number[]): Random => ({
  float: () => values.shift() ?? 0.5,
  bytes: () => new Uint8Array(),
});
const known: Standing = { ...noStanding, finished: standingLimits.establishedAt, at: nowMs };
const newcomers = (...names: string[]) => {
  const peers = names.map(peerFixture);
  return (peer: string) => (peers.includes(peer) ? undefined : known);
};
const slow = (name: string) =>
  entryFixture(name, { models: [modelFixture({ measured: { prefillTps: 9, decodeTps: 5, ttftMs: 100 } })] });
const counts = (entries: readonly DirectoryEntry[], over: Over = {}, rounds = 2_000, asked = query) => {
  const random = seededRandom(7);
  const taken: Record<string, number> = {};
  for (let i = 0; i < rounds; i++) {
    const name = peerOf(route(asked, entries, { ...over, random }))!.slice(8, 9);
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
  const nobody = route(query, entries);
  expect(nobody).toMatchObject({ candidate: undefined, considered: [] });
  expect(nobody.rejections()).toEqual([
    { peer: peerFixture('A'), reason: 'model-not-here' },
    { peer: peerFixture('B'), reason: 'context-too-small' },
    { peer: peerFixture('C'), reason: 'draining' },
  ]);
  expect(route(query, []).rejections()).toEqual([]);
});

test('of two drawn among the best the lighter is taken', () => {
  const busy = entryFixture('A', { models: [modelFixture({ slots: 8, running: 6 })] });
  const idle = entryFixture('B', { models: [modelFixture({ slots: 8, running: 1 })] });
  for (const first of [0, 0.99]) {
    expect(peerOf(route(query, [busy, idle], { random: floats(first, 0) }))).toBe(peerFixture('B'));
  }
  // What went to B a moment ago is not in its offer yet.
  const underWay = (peer: string) => (peer === peerFixture('B') ? 7 : 0);
  expect(peerOf(route(query, [busy, idle], { random: floats(0, 0), underWay }))).toBe(peerFixture('A'));
});

test('equal workers share the jobs; a far slower one gets none', () => {
  const taken = counts([entryFixture('A'), entryFixture('B'), entryFixture('C'), slow('D')]);
  expect(taken['D']).toBeUndefined();
  for (const name of ['A', 'B', 'C']) expect(taken[name]).toBeGreaterThan(400);
});

describe('strangers beside workers with standing', () => {
  const entries = [entryFixture('A'), entryFixture('B'), slow('D')];

  test('get nothing, but what is kept for newcomers, however slow', () => {
    const standing = newcomers('D');
    expect(counts(entries, { standing })['D']).toBeUndefined();
    expect(counts(entries, { standing, trial: 'anybody' })).toEqual({ D: 2_000 });
    expect(route(query, entries, { standing, trial: 'anybody' })).toMatchObject({ isTrial: true, level: 'stranger' });
    // Where there are canaries, they come first.
    expect(counts(entries, { standing, trial: 'admitted' })['D']).toBeUndefined();
    // A second attempt is no trial: the first one has cost enough.
    expect(counts(entries, { standing, trial: 'anybody', attempt: 'again' })['D']).toBeUndefined();
  });

  test('A2: claims of any size change nothing about that', () => {
    const boast = { prefillTps: 1e9, decodeTps: 1e9, ttftMs: 0 };
    const liars = ['V', 'W', 'X'].map((name) =>
      entryFixture(name, { models: [modelFixture({ measured: boast, slots: 1_024 })] }),
    );
    const taken = counts([...entries, ...liars], { standing: newcomers('V', 'W', 'X') });
    expect(Object.keys(taken).sort()).toEqual(['A', 'B']);
  });

  test('get the newcomers’ share on others’ word, and no more', () => {
    const standing = (peer: string) => (peer === peerFixture('D') ? withVouch(noStanding) : known);
    expect(counts(entries, { standing })['D']).toBeUndefined();
    expect(counts(entries, { standing, trial: 'admitted' })).toEqual({ D: 2_000 });
    expect(route(query, entries, { standing, trial: 'admitted' })).toMatchObject({ isTrial: true, level: 'vouched' });
    // Where nobody is established, nobody’s word counts either.
    const alone = [entryFixture('D'), entryFixture('S')];
    const taken = counts(alone, {
      standing: (peer) => (peer === peerFixture('D') ? withVouch(noStanding) : undefined),
    });
    expect(taken['S']! / 2_000).toBeCloseTo(1 / 2, 1);
  });

  test('get jobs when all with standing are full, and those on trial when none has a free slot', () => {
    const admitted = { ...noStanding, canariesPassed: 3 };
    const standing = (peer: string) =>
      peer === peerFixture('A') ? known : peer === peerFixture('T') ? admitted : undefined;
    const at = (running: number, queued: number) => [
      entryFixture('A', { models: [modelFixture({ running, queued })] }),
      entryFixture('S'),
      entryFixture('T'),
    ];
    expect(Object.keys(counts(at(0, 0), { standing }))).toEqual(['A']);
    expect(Object.keys(counts(at(1, 0), { standing })).sort()).toEqual(['T']);
    expect(Object.keys(counts(at(1, 8), { standing })).sort()).toEqual(['S', 'T']);
  });
});

describe('where nobody has standing', () => {
  const zone = (peer: string) => (peer.includes('Z') ? 'one' : `zone of ${peer}`);
  const crowd = Array.from({ length: 40 }, (_, i) => entryFixture(`Z${String.fromCharCode(65 + i)}`));
  const stranger = { standing: () => undefined, zone };

  test('A3: strangers are asked, spread over zones and not over keys', () => {
    const taken = counts([...crowd, entryFixture('A'), entryFixture('B')], stranger, 3_000);
    expect(Object.keys(taken).sort()).toEqual(['A', 'B', 'Z']);
    for (const share of Object.values(taken)) expect(share / 3_000).toBeCloseTo(1 / 3, 1);
  });

  test('a relay that labels each of its keys apart gains nothing by it', () => {
    const apart = { ...stranger, zone: (peer: string) => (peer.includes('Z') ? `R/${peer}` : `zone of ${peer}`) };
    const taken = counts([...crowd, entryFixture('A'), entryFixture('B')], apart, 3_000);
    expect(taken['Z']! / 3_000).toBeCloseTo(3 / 5, 1);
    const two = { ...stranger, zone: (peer: string) => `${peer.includes('Z') ? 'R' : 'S'}/${peer}` };
    expect(counts([...crowd, entryFixture('A')], two, 3_000)['Z']! / 3_000).toBeCloseTo(1 / 2, 1);
  });

  test('A3: the next attempt goes to another zone, where there is one', () => {
    const not = [peerFixture('ZA')];
    const taken = counts([...crowd, entryFixture('A')], stranger, 200, { ...query, not });
    expect(Object.keys(taken)).toEqual(['A']);
    expect(Object.keys(counts(crowd, stranger, 200, { ...query, not }))).toEqual(['Z']);
  });

  test('a few receipts more leave nobody out, since those who lie collect them fastest', () => {
    const some = { ...noStanding, finished: 15, at: nowMs };
    const standing = (peer: string) => (peer === peerFixture('ZA') ? some : undefined);
    const taken = counts([...crowd, entryFixture('A'), entryFixture('B')], { ...stranger, standing }, 3_000);
    for (const name of ['A', 'B']) expect(taken[name]! / 3_000).toBeCloseTo(1 / 3, 1);
  });

  test('A3: the more strangers of a zone have broken, the more seldom the next of it is drawn', () => {
    const brokenIn = (of: string | undefined) => (of === 'one' ? 9 : 0);
    const taken = counts([...crowd, entryFixture('A')], { ...stranger, brokenIn }, 3_000);
    expect(taken['Z']! / 3_000).toBeCloseTo(1 / 11, 1);
  });

  test('A3: one that has shown nothing yet gets one job at a time', () => {
    const underWay = (peer: string) => (peer === peerFixture('A') ? 1 : 0);
    const entries = [entryFixture('A'), entryFixture('B')];
    expect(Object.keys(counts(entries, { ...stranger, underWay }))).toEqual(['B']);
    expect(Object.keys(counts([entryFixture('A')], { ...stranger, underWay }, 10))).toEqual(['A']);
  });

  test('who broke more promises than it kept is asked when there is nobody else', () => {
    const liar = { ...noStanding, broken: { lost: 1 }, at: nowMs };
    const standing = (peer: string) => (peer === peerFixture('A') ? liar : undefined);
    const entries = [entryFixture('A'), entryFixture('B')];
    expect(Object.keys(counts(entries, { standing }))).toEqual(['B']);
    expect(Object.keys(counts(entries, { standing }, 10, { ...query, not: [peerFixture('B')] }))).toEqual(['A']);
  });
});

test('the last attempt belongs to the best-known worker, however slow and wherever it is', () => {
  const best = { ...known, finished: 500 };
  const standing = (peer: string) => (peer === peerFixture('D') ? best : known);
  const entries = [entryFixture('A'), entryFixture('B'), slow('D')];
  const zone = () => 'one';
  expect(Object.keys(counts(entries, { standing, zone, attempt: 'last' }, 10))).toEqual(['D']);
  const strangers = [entryFixture('A'), slow('D')];
  expect(Object.keys(counts(strangers, { standing: newcomers('A'), attempt: 'last' }, 10))).toEqual(['D']);
});

test('A4: who has signed two histories is never asked again, even when there is nobody else', () => {
  const standing = () => withFork(known);
  for (const attempt of ['first', 'again', 'last'] as const) {
    const found = route(query, [entryFixture('A')], { standing, attempt });
    expect([found.candidate, found.considered]).toEqual([undefined, [{ peer: peerFixture('A'), reason: 'forked' }]]);
  }
});

test('a conversation stays with the worker that holds it, while that is free and not far slower', () => {
  const entries = [entryFixture('A'), entryFixture('B'), entryFixture('C'), slow('D')];
  const only = (over: Over) => Object.keys(counts(entries, over, 50)).sort();
  expect(only({ holder: peerFixture('B') })).toEqual(['B']);
  // Nor does a newcomer break it.
  expect(only({ holder: peerFixture('B'), trial: 'anybody', standing: newcomers('C') })).toEqual(['B']);
  const others = ['A', 'B', 'C'];
  expect(only({ holder: peerFixture('D') })).toEqual(others);
  expect(only({ holder: peerFixture('X') })).toEqual(others);
  expect(only({ holder: peerFixture('B'), underWay: (peer) => (peer === peerFixture('B') ? 1 : 0) })).not.toEqual([
    'B',
  ]);
  // One without standing has no such right where others have it.
  expect(only({ holder: peerFixture('B'), standing: newcomers('B') })).toEqual(['A', 'C']);
});

test('every worker that could do it has its word', () => {
  const liar = { ...noStanding, broken: { lost: 2 }, at: nowMs };
  const standings: Readonly<Record<string, Standing | undefined>> = {
    S: undefined,
    T: { ...noStanding, canariesPassed: 3 },
    L: liar,
    F: withFork(known),
    U: withVouch(noStanding),
  };
  const standing = (peer: string) => {
    const name = peer.slice(8, 9);
    return name in standings ? standings[name] : known;
  };
  const zone = (peer: string) => (peer === peerFixture('Y') || peer === peerFixture('Z') ? 'tried' : undefined);
  const entries = [...['A', 'B', 'S', 'T', 'U', 'L', 'F', 'Y', 'Z'].map((name) => entryFixture(name)), slow('D')];
  const found = route({ ...query, not: [peerFixture('Z')] }, entries, { standing, zone, random: floats(0, 0) });
  const reasons = Object.fromEntries(found.considered.map(({ peer, reason }) => [peer.slice(8, 9), reason]));
  expect(reasons).toEqual({
    A: 'chosen',
    B: 'not-drawn',
    S: 'stranger',
    T: 'on-trial',
    U: 'vouched',
    L: 'distrusted',
    F: 'forked',
    Y: 'same-zone',
    D: 'slower',
  });
});

test('the own device has no way to travel, no price, and no promise to doubt', () => {
  const price = { in: '5', out: '5' };
  const self = peerFixture('S');
  const entries = [entryFixture('A', { models: [modelFixture({ price })] }), entryFixture('S')];
  expect(peerOf(route(query, entries, { self, standing: () => undefined }))).toBe(self);
  // It is weighed by its time: one that is far slower than the network is not asked.
  const old = [entryFixture('A'), slow('S')];
  for (const standing of [() => undefined, () => known]) {
    expect(peerOf(route(query, old, { self, standing }))).toBe(peerFixture('A'));
  }
});

test('another peer of this process is trusted without receipts', () => {
  const isOwn = (peer: string) => peer === peerFixture('N');
  const entries = [entryFixture('A'), slow('N')];
  const found = route(query, entries, { isOwn, standing: () => undefined });
  expect([peerOf(found), found.level]).toEqual([peerFixture('N'), 'own']);
});

test('benched peers and those tried already are passed over', () => {
  const entries = [entryFixture('A'), entryFixture('B'), entryFixture('C')];
  const isBenched = (peer: string) => peer === peerFixture('A');
  const found = route({ ...query, not: [peerFixture('B')] }, entries, { isBenched });
  expect(peerOf(found)).toBe(peerFixture('C'));
  expect(found.rejections().map(({ reason }) => reason)).toEqual(['parked', 'tried-already']);
});

test('of many a sample is looked at, and the own device is always in it', () => {
  const self = peerFixture('S');
  const entries = Array.from({ length: 500 }, (_, i) => entryFixture(`P${i}x`));
  const offers = offersOf([...entries.slice(0, 400), entryFixture('S'), ...entries.slice(400)]);
  const random = seededRandom(3);
  const seen = new Set<string>();
  for (let i = 0; i < 100; i++) {
    const found = candidates(query, offers, { random, self, now: nowMs }).map(({ entry }) => entry.offer.peer);
    expect([found.length, new Set(found).size, found.includes(self)]).toEqual([64, 64, true]);
    for (const peer of found) seen.add(peer);
  }
  expect(seen.size).toBe(501);
});

test('one free worker among hundreds of full ones is found', () => {
  const full = Array.from({ length: 500 }, (_, i) =>
    entryFixture(`P${i}x`, { models: [modelFixture({ running: 1, queued: 8 })] }),
  );
  const found = route(query, [...full, entryFixture('F')], { random: seededRandom(4) });
  expect(peerOf(found)).toBe(peerFixture('F'));
});

test('reasons are found out when they are asked for, and not for everybody', () => {
  const entries = Array.from({ length: 500 }, (_, i) => entryFixture(`P${i}x`, { draining: i % 100 !== 0 }));
  const nothing = { artefact: artefactB };
  const offers = offersOf(entries);
  let scans = 0;
  const counted: Offers = { ...offers, entries: () => ((scans += 1), offers.entries()) };
  const found = route({ ...query, model: nothing }, counted);
  expect([found.candidate, scans]).toEqual([undefined, 0]);
  expect(found.rejections()).toHaveLength(32);
  const some = route({ ...query, contextTokens: 9_999 }, counted).rejections();
  expect(some).toHaveLength(32);
  const mixed = route(query, counted, { isBenched: () => true }).rejections();
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
  const chosen = (isBenched: Knowledge['isBenched'], not: readonly string[] = []) =>
    peerOf(route({ ...query, not }, entries, { isBenched }));
  expect(chosen((peer) => peer === peerFixture('A'))).toBe(peerFixture('B'));
  expect(chosen((peer) => peer === peerFixture('A'), [peerFixture('B')])).toBe(peerFixture('A'));
  expect(chosen(() => true)).toBeDefined();
  expect(chosen(() => true, [peerFixture('A'), peerFixture('B')])).toBeUndefined();
});

test('of many those that the asker has had answers from are looked at too', () => {
  const entries = Array.from({ length: 500 }, (_, i) => entryFixture(`P${i}x`));
  const friends = ['P7x', 'P77x'].map(peerFixture);
  const search = { random: seededRandom(3), known: () => friends, now: nowMs };
  const found = candidates(query, offersOf(entries), search);
  expect(found).toHaveLength(64);
  expect(found.slice(0, 2).map(({ entry }) => entry.offer.peer)).toEqual(friends);
});
