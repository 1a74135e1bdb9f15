import { expect, test } from 'vitest';
import { seededRandom } from '#lib/base/random.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { createFlow, flowLimits, type NeighbourWord, type ReceivedWork } from './flow.ts';

const now = 1_700_000_000_000;
const { halfLifeMs } = flowLimits;

const entries = (work: Readonly<Record<PeerId, number>>): readonly ReceivedWork[] =>
  Object.entries(work).map(([peer, amount]) => ({ peer, work: amount }));
const word = (signer: PeerId, work: Readonly<Record<PeerId, number>>, at = now): NeighbourWord => ({
  signer,
  at,
  entries: entries(work),
});

/** The formula as it is written, over plain tables. */
function asWritten(
  own: Readonly<Record<PeerId, number>>,
  said: Readonly<Record<PeerId, Readonly<Record<PeerId, number>>>>,
  failed: Readonly<Record<PeerId, number>>,
  j: PeerId,
): number {
  let vouched = 0;
  for (const [k, amounts] of Object.entries(said)) {
    const w = own[k] ?? 0;
    const others = Object.entries(amounts).filter(([x]) => x !== k && x !== 'me');
    const sum = others.reduce((total, [, amount]) => total + Math.min(w, amount), 0);
    const amount = others.find(([x]) => x === j)?.[1] ?? 0;
    if (sum > 0) vouched += Math.min(w, amount) * Math.min(1, w / sum);
  }
  return (own[j] ?? 0) + 0.5 * vouched - 3 * (failed[j] ?? 0);
}

test('what was received counts in full, what a neighbour received up to its budget, by half', () => {
  const flow = createFlow('me', now);
  flow.received('k', 100, now);
  flow.heard(word('k', { a: 60, b: 1_000 }));
  // min(100, 60) and min(100, 1000) are 160 together, for a budget of 100.
  expect(flow.reputation('k', now)).toBe(100);
  expect(flow.reputation('a', now)).toBeCloseTo(0.5 * 60 * (100 / 160), 10);
  expect(flow.reputation('b', now)).toBeCloseTo(0.5 * 100 * (100 / 160), 10);
  expect(flow.reputation('stranger', now)).toBe(0);
});

test('any order of receipts, words and failures comes to what the formula says', () => {
  const peers = ['a', 'b', 'c', 'd', 'e', 'f', 'me'];
  for (let seed = 0; seed < 200; seed++) {
    const random = seededRandom(seed);
    const draw = () => Math.floor(random.float() * 1_000);
    const one = () => peers[Math.floor(random.float() * peers.length)]!;
    const flow = createFlow('me', now);
    const own: Record<PeerId, number> = {};
    const failed: Record<PeerId, number> = {};
    const said: Record<PeerId, Record<PeerId, number>> = {};
    for (let step = 0; step < 40; step++) {
      const [peer, amount, chance] = [one(), draw(), random.float()];
      if (chance < 0.5) {
        flow.received(peer, amount, now);
        if (peer !== 'me') own[peer] = (own[peer] ?? 0) + amount;
      } else if (chance < 0.6) {
        flow.failed(peer, amount, now);
        if (peer !== 'me') failed[peer] = (failed[peer] ?? 0) + amount;
      } else if (chance < 0.7) {
        flow.unheard(peer);
        delete said[peer];
      } else {
        const amounts = Object.fromEntries(peers.filter(() => random.float() < 0.5).map((x) => [x, draw()]));
        flow.heard(word(peer, amounts));
        if (peer !== 'me') said[peer] = amounts;
      }
    }
    for (const peer of peers.slice(0, -1)) {
      expect(flow.reputation(peer, now), `seed ${seed}, ${peer}`).toBeCloseTo(asWritten(own, said, failed, peer), 6);
    }
    expect(flow.reputation('me', now)).toBe(0);
  }
});

test('a neighbour vouches with half of what was received from it, whatever it says', () => {
  const one = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`s${i}`, 2 ** 50]));
  for (const claims of [one, { s0: 2 ** 50 }, Object.fromEntries(Object.keys(one).map((s) => [s, 3]))]) {
    const flow = createFlow('me', now);
    flow.received('liar', 100, now);
    flow.heard(word('liar', claims));
    const gained = Object.keys(claims).reduce((sum, peer) => sum + flow.reputation(peer, now), 0);
    expect(gained).toBeGreaterThan(0);
    expect(gained).toBeLessThanOrEqual(50 + 1e-9);
  }
});

test('the word of somebody that nothing was received from is nothing', () => {
  const flow = createFlow('me', now);
  flow.heard(word('stranger', { a: 2 ** 50 }));
  expect(flow.reputation('a', now)).toBe(0);
});

test('nobody vouches for itself or for the reader', () => {
  const flow = createFlow('me', now);
  flow.received('k', 100, now);
  flow.heard(word('k', { k: 10 ** 9, me: 10 ** 9, a: 50 }));
  expect(flow.reputation('k', now)).toBe(100);
  expect(flow.reputation('me', now)).toBe(0);
  expect(flow.reputation('a', now)).toBe(25);
});

test('a new word takes the place of the one before, and one that was taken back counts no more', () => {
  const flow = createFlow('me', now);
  flow.received('k', 100, now);
  flow.heard(word('k', { a: 50 }));
  flow.heard(word('k', { b: 50 }));
  expect([flow.reputation('a', now), flow.reputation('b', now)]).toEqual([0, 25]);
  flow.unheard('k');
  expect(flow.reputation('b', now)).toBe(0);
});

test('everything weighs half after fourteen days, whenever it was said', () => {
  const flow = createFlow('me', now);
  flow.received('k', 100, now);
  flow.failed('f', 10, now);
  flow.heard(word('k', { a: 40 }));
  const later = now + halfLifeMs;
  expect(flow.reputation('k', later)).toBeCloseTo(50, 10);
  expect(flow.reputation('a', later)).toBeCloseTo(10, 10);
  expect(flow.reputation('f', later)).toBeCloseTo(-15, 10);
  // As of then, the same amount is worth what 80 was worth before.
  flow.heard(word('k', { a: 40 }, later));
  expect(flow.reputation('a', later)).toBeCloseTo(20, 10);
  flow.received('k', 50, later);
  expect(flow.ledger(later)).toEqual([{ peer: 'k', work: 100 }]);
});

test('fifty years on the numbers are as good as on the first day', () => {
  const flow = createFlow('me', now);
  flow.received('old', 100, now);
  flow.heard(word('old', { forgotten: 100 }));
  const later = now + 50 * 365 * 24 * 3_600_000;
  flow.received('k', 100, later);
  flow.heard(word('k', { a: 100 }, later));
  expect(flow.reputation('k', later)).toBeCloseTo(100, 6);
  expect(flow.reputation('a', later)).toBeCloseTo(50, 6);
  expect(flow.reputation('forgotten', later)).toBeCloseTo(0, 6);
});

test('failures weigh three times, and may leave less than nothing', () => {
  const flow = createFlow('me', now);
  flow.received('k', 100, now);
  flow.failed('k', 50, now);
  expect(flow.reputation('k', now)).toBe(-50);
});

test('a forker is worth nothing, and so is its word, whatever it does afterwards', () => {
  const flow = createFlow('me', now);
  flow.received('k', 100, now);
  flow.heard(word('k', { a: 40 }));
  flow.forked('k');
  flow.received('k', 1_000, now);
  flow.heard(word('k', { a: 400 }));
  expect([flow.reputation('k', now), flow.reputation('a', now)]).toEqual([0, 0]);
});

test('a relay’s word counts as if it had served, at any time, and earns the relay nothing', () => {
  const flow = createFlow('me', now);
  flow.grant('relay', 100);
  flow.heard(word('relay', { a: 60, b: 60 }));
  expect(flow.reputation('relay', now)).toBe(0);
  expect(flow.reputation('a', now)).toBeCloseTo(0.5 * 60 * (100 / 120), 10);
  const later = now + halfLifeMs;
  flow.heard(word('relay', { a: 60, b: 60 }, later));
  expect(flow.reputation('a', later)).toBeCloseTo(0.5 * 60 * (100 / 120), 10);
  flow.grant('relay', 0);
  expect(flow.reputation('a', later)).toBe(0);
});

test('tables are bounded: the peers that did least go, and so does the word that counts least', () => {
  const flow = createFlow('me', now, { peersMax: 8, wordsMax: 2 });
  for (let i = 1; i <= 9; i++) flow.received(`p${i}`, i, now);
  expect(flow.ledger(now).map(({ peer }) => peer)).toEqual(['p3', 'p4', 'p5', 'p6', 'p7', 'p8', 'p9']);
  flow.heard(word('p8', { a: 1 }));
  flow.heard(word('p9', { b: 1 }));
  flow.heard(word('p5', { c: 1 }));
  expect(['a', 'b', 'c'].map((peer) => flow.reputation(peer, now) > 0)).toEqual([true, true, false]);
});

test('amounts that are none, or negative, are passed over', () => {
  const flow = createFlow('me', now);
  for (const work of [0, -5, Number.NaN]) flow.received('k', work, now);
  flow.failed('k', -10, now);
  expect(flow.reputation('k', now)).toBe(0);
  flow.received('k', 10, now);
  flow.heard(word('k', { a: -5, b: 0 }));
  expect([flow.reputation('a', now), flow.reputation('b', now)]).toEqual([0, 0]);
});
