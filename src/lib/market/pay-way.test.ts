import { describe, expect, test } from 'vitest';
import { seededRandom } from '#lib/base/random.ts';
import { artefactA, entryFixture, modelFixture, nowMs, peerFixture } from './offer.fixture.ts';
import { createOfferIndex } from './offer-index.ts';
import { habitJobsMin, payWays, type ChannelCosts, type PaidWork, type Paying } from './pay-way.ts';
import { route } from './route.ts';
import type { Candidate, DirectoryEntry, RouteQuery } from './spec.ts';
import { noStanding, standingLimits, type Standing } from './standing.ts';

/** A million tokens in and two out: what prices differ by is saved in whole units. */
const work: PaidWork = { jobs: habitJobsMin, in: 1_000_000, out: 2_000_000 };
const costs: ChannelCosts = { open: 300n, topUp: 50n };
const payout = {
  chain: 8_453,
  provider: `0x${'1'.repeat(40)}`,
  providerSigner: `0x${'2'.repeat(40)}`,
  delay: 86_400,
  depositMin: '0',
} as const;

const seller = (name: string, price: string, more: object = {}) =>
  entryFixture(name, { payout, models: [modelFixture({ slots: 4, price: { in: price, out: price }, ...more })] });
const hub = seller('H', '200', { hub: true });

type Channel = ReturnType<Paying['channel']>;
const payingWith = (over: Partial<Paying> = {}, channels: Record<string, Channel> = {}): Paying => ({
  work: () => work,
  costs: () => costs,
  channel: ({ entry }) => channels[nameOf(entry.offer.peer)] ?? 'none',
  ...over,
});
const nameOf = (peer: string) => peer.slice(8, 9);

const candidateOf = (entry: DirectoryEntry): Candidate => ({ entry, model: entry.offer.models[0]! });
const waysOf = (
  entries: readonly DirectoryEntry[],
  paying: Paying | undefined,
  {
    hubIs = 'ready',
    trusted = ['H'],
  }: { readonly hubIs?: 'ready' | 'busy'; readonly trusted?: readonly string[] } = {},
) => {
  const all = entries.map((entry) => ({
    candidate: candidateOf(entry),
    pays: candidateOf(entry).model.price.in !== '0',
    isReady: candidateOf(entry).model.hub !== true || hubIs === 'ready',
    isTrusted: trusted.includes(nameOf(entry.offer.peer)),
  }));
  return Object.fromEntries(
    [...payWays(all, paying)].map(([{ candidate }, way]) => [nameOf(candidate.entry.offer.peer), way]),
  );
};

describe('how a worker is paid where a hub sells its model', () => {
  test('a channel is worth opening once it would have saved what it costs, and not before', () => {
    // 3,000,000 tokens at 200 and at 100 a million: 300 saved.
    const direct = seller('A', '100');
    expect(waysOf([hub, direct], payingWith())).toEqual({ A: 'worth' });
    expect(waysOf([hub, direct], payingWith({ costs: () => ({ ...costs, open: 301n }) }))).toEqual({ A: 'dear' });
    expect(waysOf([hub, seller('A', '101')], payingWith())).toEqual({ A: 'dear' });
  });

  test('neither a few jobs nor costs that are not known make one worth it, nor a price that is not below the hub’s', () => {
    const direct = seller('A', '100');
    const few = payingWith({ work: () => ({ ...work, jobs: habitJobsMin - 1 }) });
    expect(waysOf([hub, direct], few)).toEqual({ A: 'dear' });
    expect(waysOf([hub, direct], payingWith({ costs: () => undefined }))).toEqual({ A: 'dear' });
    const gratis = payingWith({ costs: () => ({ open: 0n, topUp: 0n }) });
    expect(waysOf([hub, seller('A', '200'), seller('B', '199')], gratis)).toEqual({ A: 'dear', B: 'worth' });
  });

  test('a channel that stands needs no reason, one that is short of room has to be worth a top-up', () => {
    const entries = [hub, seller('A', '150'), seller('B', '150')];
    // 150 saved: a top-up, and no opening.
    expect(waysOf(entries, payingWith({}, { A: 'room', B: 'short' }))).toEqual({ A: 'standing', B: 'worth' });
    expect(waysOf(entries, payingWith({}, { A: 'room' }))).toEqual({ A: 'standing', B: 'dear' });
    const never = payingWith({ work: () => ({ jobs: 0, in: 0, out: 0 }) }, { A: 'room', B: 'short' });
    expect(waysOf(entries, never)).toEqual({ A: 'standing', B: 'dear' });
  });

  test('each further channel has to be worth it beside those that stand', () => {
    const entries = [hub, seller('A', '1'), seller('B', '1')];
    expect(waysOf(entries, payingWith({}, { A: 'room' }))).toEqual({ A: 'standing', B: 'dear' });
    const more = payingWith({ work: () => ({ ...work, out: 3_000_000 }) }, { A: 'room' });
    expect(waysOf(entries, more)).toEqual({ A: 'standing', B: 'worth' });
  });

  test('a channel that is short of room counts beside others, and so does one that may have been opened', () => {
    const entries = [hub, seller('A', '100'), seller('B', '100')];
    // 300 saved: enough for a first channel, and not for a second one.
    const noTopUp = payingWith({ costs: () => ({ ...costs, topUp: 301n }) }, { A: 'short' });
    expect(waysOf(entries, noTopUp)).toEqual({ A: 'dear', B: 'dear' });
    expect(waysOf(entries, payingWith({}, { A: 'refused' }))).toEqual({ A: 'dear', B: 'dear' });
  });

  test('a channel that stands is no reason to pay more than the hub takes, before the first job and after many', () => {
    const raised = [hub, seller('A', '201')];
    expect(waysOf(raised, payingWith({}, { A: 'room' }))).toEqual({ A: 'dear' });
    const fresh = payingWith({ work: () => ({ jobs: 0, in: 0, out: 0 }) }, { A: 'room', B: 'room' });
    expect(waysOf([...raised, seller('B', '200')], fresh)).toEqual({ A: 'dear', B: 'standing' });
  });

  test('one that only calls itself a hub does not speak against who is trusted, nor for much more than others ask', () => {
    const [liar, cheap] = [seller('L', '1000000', { hub: true }), seller('L', '101', { hub: true })];
    const fresh = payingWith({ work: () => ({ jobs: 0, in: 0, out: 0 }) });
    const unknown = { trusted: ['A'] };
    expect(waysOf([liar, seller('B', '100')], fresh, unknown)).toEqual({ B: 'either' });
    expect(waysOf([cheap, seller('A', '100'), seller('B', '100')], fresh, unknown)).toEqual({ A: 'either', B: 'dear' });
    // Beside one that is trusted it neither hides a saving nor makes one up.
    expect(waysOf([hub, cheap, seller('B', '100')], payingWith())).toEqual({ B: 'worth' });
    expect(waysOf([hub, liar, seller('B', '199')], payingWith())).toEqual({ B: 'dear' });
    const failed = payingWith({}, { A: 'refused' });
    expect(waysOf([cheap, seller('A', '100')], failed, unknown)).toEqual({ A: 'dear' });
  });

  test('one that the purse could not pay a moment ago is left to the hub', () => {
    expect(waysOf([hub, seller('A', '1')], payingWith({}, { A: 'refused' }))).toEqual({ A: 'dear' });
  });

  test('without a hub that is ready, without a purse that tells, and for free work, nothing is said', () => {
    const direct = seller('A', '100');
    expect(waysOf([direct], payingWith())).toEqual({});
    expect(waysOf([hub, direct], payingWith(), { hubIs: 'busy' })).toEqual({});
    expect(waysOf([hub, direct], undefined)).toEqual({});
    expect(waysOf([hub, seller('F', '0')], payingWith())).toEqual({});
  });
});

describe('choosing between a hub and whom it would ask', () => {
  const query: RouteQuery = {
    model: { artefact: artefactA },
    tier: 'open',
    contextTokens: 200,
    kind: 'chat',
    budget: '1000',
  };
  const established: Standing = { ...noStanding, finished: standingLimits.establishedAt, at: nowMs };
  const chosen = (entries: readonly DirectoryEntry[], paying: Paying, standing: Record<string, Standing> = {}) => {
    const index = createOfferIndex();
    for (const entry of entries) index.put(entry);
    const random = seededRandom(3);
    const peers = new Set<string>();
    const knowledge = { paying, standing: (peer: string) => standing[nameOf(peer)] };
    let found;
    for (let i = 0; i < 50; i++) {
      found = route(query, { ...index, entries: () => index.all }, knowledge, { random, now: nowMs });
      peers.add(nameOf(found.candidate!.entry.offer.peer));
    }
    return { peers: [...peers], found: found! };
  };

  test('the hub, while no channel is worth it; the reason of the others says so', () => {
    const { peers, found } = chosen(
      [hub, seller('A', '100'), seller('B', '100')],
      payingWith({ costs: () => undefined }),
    );
    expect(peers).toEqual(['H']);
    expect(found.payWay).toBeUndefined();
    expect(found.considered).toContainEqual({ peer: peerFixture('A'), reason: 'dear-channel' });
  });

  test('one of the providers once it is, and from then on that one, also beside a hub that alone has standing', () => {
    const entries = [hub, seller('A', '100'), seller('B', '100')];
    const worth = chosen(entries, payingWith(), { H: established });
    expect(worth.peers).toHaveLength(1);
    expect(worth.found.payWay).toBe('worth');
    const [first = ''] = worth.peers;
    const after = chosen(entries, payingWith({ costs: () => undefined }, { [first]: 'room' }), { H: established });
    expect(after.peers).toEqual([first]);
    expect(after.found.payWay).toBe('standing');
  });

  test('the best-known of those that are worth it', () => {
    const entries = [hub, seller('A', '100'), seller('B', '100')];
    expect(chosen(entries, payingWith(), { H: established, B: established }).peers).toContain('B');
    expect(chosen(entries, payingWith(), { H: established, B: established }).peers).not.toContain('A');
  });

  test('a channel is no reason to wait: not for one that is full, much slower or distrusted', () => {
    const paying = payingWith({ costs: () => undefined }, { A: 'room' });
    const slow = { measured: { prefillTps: 9, decodeTps: 5, ttftMs: 100 } };
    expect(chosen([hub, seller('A', '100', { running: 4 })], paying).peers).toEqual(['H']);
    expect(chosen([hub, seller('A', '100', slow)], paying, { H: established }).peers).toEqual(['H']);
    const broken = { ...noStanding, broken: { lost: 3 }, at: nowMs };
    expect(chosen([hub, seller('A', '100')], paying, { A: broken, H: established }).peers).toEqual(['H']);
  });

  test('a hub that nobody knows takes no job from a provider that is trusted', () => {
    const unknownHub = seller('H', '110', { hub: true });
    const few = payingWith({ work: () => ({ jobs: 0, in: 0, out: 0 }) });
    const { peers, found } = chosen([unknownHub, seller('A', '100')], few, { A: established });
    expect([peers, found.payWay]).toEqual([['A'], 'either']);
  });

  test('a worker that is free is never passed over for one that is paid', () => {
    const paying = payingWith({}, { A: 'room' });
    expect(chosen([hub, seller('A', '100'), seller('F', '0')], paying, { F: established }).peers).toEqual(['F']);
  });
});
