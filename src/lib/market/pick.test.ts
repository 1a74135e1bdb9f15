import { expect, test } from 'vitest';
import { seededRandom, type Random } from '#lib/base/random.ts';
import { artefactA, artefactB, entryFixture, modelFixture, nowMs, peerFixture } from './offer.fixture.ts';
import { pick, type PickOptions } from './pick.ts';
import type { DirectoryEntry, PeerHistory, Wish } from './spec.ts';

const wish: Wish = { model: { artefact: artefactA }, tier: 'open', contextTokens: 200, kind: 'chat' };
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
    const name = pick(wish, entries, options({ ...over, random })).candidate!.entry.offer.peer.slice(8, 9);
    taken[name] = (taken[name] ?? 0) + 1;
  }
  return taken;
};

test('nobody: no candidate, and one reason for each worker', () => {
  const entries = [
    entryFixture('A', { models: [modelFixture({ artefact: artefactB })] }),
    entryFixture('B', { tiers: ['verified'] }),
    entryFixture('C', { draining: true }),
  ];
  expect(pick(wish, entries, options())).toEqual({
    candidate: undefined,
    rejections: [
      { peer: peerFixture('A'), reason: 'model-not-here' },
      { peer: peerFixture('B'), reason: 'tier' },
      { peer: peerFixture('C'), reason: 'draining' },
    ],
  });
  expect(pick(wish, [], options())).toEqual({ candidate: undefined, rejections: [] });
});

test('of two drawn among the best the lighter is taken', () => {
  const busy = entryFixture('A', { models: [modelFixture({ slots: 8, running: 6 })] });
  const idle = entryFixture('B', { models: [modelFixture({ slots: 8, running: 1 })] });
  for (const first of [0, 0.99]) {
    const choice = pick(wish, [busy, idle], options({ random: floats(first, 0) }));
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
  const newcomer = pick(wish, entries, options({ random: floats(0), history, self }));
  expect(newcomer.candidate?.entry.offer.peer).toBe(peerFixture('A'));
  const usual = pick(wish, entries, options({ random: floats(0.5), history, self }));
  expect(usual.candidate?.entry.offer.peer).toBe(self);
});

test('parked peers and those tried already are passed over', () => {
  const entries = [entryFixture('A'), entryFixture('B'), entryFixture('C')];
  const parked = (peer: string) => peer === peerFixture('A');
  const choice = pick({ ...wish, not: [peerFixture('B')] }, entries, options({ parked }));
  expect(choice.candidate?.entry.offer.peer).toBe(peerFixture('C'));
  expect(choice.rejections.map(({ reason }) => reason)).toEqual(['parked', 'tried-already']);
});
