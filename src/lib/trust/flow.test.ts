import { expect, test } from 'vitest';
import { seededRandom } from '#lib/base/random.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import type { PeerWork } from './fading-work.ts';
import { createFlow, type WorkStatement } from './flow.ts';

const now = 1_700_000_000_000;
const halfLifeMs = 14 * 24 * 3_600_000;

const entries = (work: Readonly<Record<PeerId, number>>): readonly PeerWork[] =>
  Object.entries(work).map(([peer, amount]) => ({ peer, work: amount }));
const word = (signer: PeerId, work: Readonly<Record<PeerId, number>>, at = now): WorkStatement => ({
  signer,
  at,
  entries: entries(work),
});

/** The formula implemented literally over plain tables. */
function literally(
  own: Readonly<Record<PeerId, number>>,
  statements: Readonly<Record<PeerId, Readonly<Record<PeerId, number>>>>,
  failed: Readonly<Record<PeerId, number>>,
  j: PeerId,
): number {
  let vouched = 0;
  for (const [k, amounts] of Object.entries(statements)) {
    const w = Math.max(0, (own[k] ?? 0) - 3 * (failed[k] ?? 0));
    const others = Object.entries(amounts).filter(([x]) => x !== k && x !== 'me');
    const sum = others.reduce((total, [, amount]) => total + amount, 0);
    const amount = others.find(([x]) => x === j)?.[1] ?? 0;
    if (sum > 0) vouched += amount * Math.min(1, w / sum);
  }
  return (own[j] ?? 0) + 0.5 * vouched - 3 * (failed[j] ?? 0);
}

test('received work counts in full; a neighbour’s counts half, up to its budget', () => {
  const flow = createFlow('me');
  flow.received('k', 100, now);
  flow.setStatement(word('k', { a: 60, b: 1_000 }));
  // 60 + 1000, against a budget of 100.
  expect(flow.reputation('k', now)).toBe(100);
  expect(flow.reputation('a', now)).toBeCloseTo(0.5 * 60 * (100 / 1_060), 10);
  expect(flow.reputation('b', now)).toBeCloseTo(0.5 * 1_000 * (100 / 1_060), 10);
  expect(flow.reputation('stranger', now)).toBe(0);
  // What was received from a peer itself is nobody's word.
  expect(flow.vouched('k', now)).toBe(0);
  flow.received('a', 7, now);
  expect(flow.vouched('a', now)).toBeCloseTo(flow.reputation('a', now) - 7, 10);
  flow.failed('a', 5, now);
  expect(flow.vouched('a', now)).toBeLessThan(0);
});

test('any order of receipts, statements and failures matches the formula', () => {
  const peers = ['a', 'b', 'c', 'd', 'e', 'f', 'me'];
  for (let seed = 0; seed < 200; seed++) {
    const random = seededRandom(seed);
    const draw = () => Math.floor(random.float() * 1_000);
    const one = () => peers[Math.floor(random.float() * peers.length)]!;
    const flow = createFlow('me');
    const own: Record<PeerId, number> = {};
    const failed: Record<PeerId, number> = {};
    const statements: Record<PeerId, Record<PeerId, number>> = {};
    for (let step = 0; step < 40; step++) {
      const [peer, amount, chance] = [one(), draw(), random.float()];
      if (chance < 0.5) {
        flow.received(peer, amount, now);
        if (peer !== 'me') own[peer] = (own[peer] ?? 0) + amount;
      } else if (chance < 0.6) {
        flow.failed(peer, amount, now);
        if (peer !== 'me') failed[peer] = (failed[peer] ?? 0) + amount;
      } else if (chance < 0.7) {
        flow.dropStatement(peer);
        delete statements[peer];
      } else {
        const amounts = Object.fromEntries(peers.filter(() => random.float() < 0.5).map((x) => [x, draw()]));
        flow.setStatement(word(peer, amounts));
        if (peer !== 'me') statements[peer] = amounts;
      }
    }
    for (const peer of peers.slice(0, -1)) {
      expect(flow.reputation(peer, now), `seed ${seed}, ${peer}`).toBeCloseTo(
        literally(own, statements, failed, peer),
        6,
      );
    }
    expect(flow.reputation('me', now)).toBe(0);
  }
});

test('a neighbour vouches with half of what was received from it, whatever it claims', () => {
  const one = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`s${i}`, 2 ** 50]));
  for (const claims of [one, { s0: 2 ** 50 }, Object.fromEntries(Object.keys(one).map((s) => [s, 3]))]) {
    const flow = createFlow('me');
    flow.received('liar', 100, now);
    flow.setStatement(word('liar', claims));
    const gained = Object.keys(claims).reduce((sum, peer) => sum + flow.reputation(peer, now), 0);
    expect(gained).toBeGreaterThan(0);
    expect(gained).toBeLessThanOrEqual(50 + 1e-9);
  }
});

test('the statement of a peer from which nothing was received counts nothing', () => {
  const flow = createFlow('me');
  flow.setStatement(word('stranger', { a: 2 ** 50 }));
  expect(flow.reputation('a', now)).toBe(0);
});

test('a peer cannot vouch for itself or for the reader', () => {
  const flow = createFlow('me');
  flow.received('k', 100, now);
  flow.setStatement(word('k', { k: 10 ** 9, me: 10 ** 9, a: 50 }));
  expect(flow.reputation('k', now)).toBe(100);
  expect(flow.reputation('me', now)).toBe(0);
  expect(flow.reputation('a', now)).toBe(25);
});

test('a new statement replaces the previous one, and a removed one no longer counts', () => {
  const flow = createFlow('me');
  flow.received('k', 100, now);
  flow.setStatement(word('k', { a: 50 }));
  flow.setStatement(word('k', { b: 50 }));
  expect([flow.reputation('a', now), flow.reputation('b', now)]).toEqual([0, 25]);
  flow.dropStatement('k');
  expect(flow.reputation('b', now)).toBe(0);
});

test('all weights halve after fourteen days, whenever they were recorded', () => {
  const flow = createFlow('me');
  flow.received('k', 100, now);
  flow.failed('f', 10, now);
  flow.setStatement(word('k', { a: 40 }));
  const later = now + halfLifeMs;
  expect(flow.reputation('k', later)).toBeCloseTo(50, 10);
  expect(flow.reputation('a', later)).toBeCloseTo(10, 10);
  expect(flow.reputation('f', later)).toBeCloseTo(-15, 10);
  // As of then, the same amount weighs what 80 did before.
  flow.setStatement(word('k', { a: 40 }, later));
  expect(flow.reputation('a', later)).toBeCloseTo(20, 10);
  flow.received('k', 50, later);
  expect(flow.ledger(later)).toEqual({ received: [{ peer: 'k', work: 100 }], failed: [{ peer: 'f', work: 5 }] });
});

test('precision holds after fifty years', () => {
  const flow = createFlow('me');
  flow.received('old', 100, now);
  flow.setStatement(word('old', { forgotten: 100 }));
  const later = now + 50 * 365 * 24 * 3_600_000;
  flow.received('k', 100, later);
  flow.setStatement(word('k', { a: 100 }, later));
  expect(flow.reputation('k', later)).toBeCloseTo(100, 6);
  expect(flow.reputation('a', later)).toBeCloseTo(50, 6);
  expect(flow.reputation('forgotten', later)).toBeCloseTo(0, 6);
});

test('a neighbour that failed vouches for less, and in the end for nothing', () => {
  const flow = createFlow('me');
  flow.received('k', 100, now);
  flow.setStatement(word('k', { a: 100 }));
  flow.failed('k', 20, now);
  expect(flow.reputation('a', now)).toBeCloseTo(20, 10);
  flow.failed('k', 20, now);
  expect(flow.reputation('a', now)).toBe(0);
});

test('failures count three times and may make reputation negative', () => {
  const flow = createFlow('me');
  flow.received('k', 100, now);
  flow.failed('k', 50, now);
  expect(flow.reputation('k', now)).toBe(-50);
});

test('a forker has no reputation and its statements no weight, whatever it does afterwards', () => {
  const flow = createFlow('me');
  flow.received('k', 100, now);
  flow.setStatement(word('k', { a: 40 }));
  flow.forked('k');
  flow.received('k', 1_000, now);
  flow.setStatement(word('k', { a: 400 }));
  expect([flow.reputation('k', now), flow.reputation('a', now)]).toEqual([0, 0]);
});

test('a granted relay’s statements count as if it had always served, without earning it reputation', () => {
  const flow = createFlow('me');
  flow.grant('relay', 100);
  flow.setStatement(word('relay', { a: 60, b: 60 }));
  expect(flow.reputation('relay', now)).toBe(0);
  expect(flow.reputation('a', now)).toBeCloseTo(0.5 * 60 * (100 / 120), 10);
  const later = now + halfLifeMs;
  flow.setStatement(word('relay', { a: 60, b: 60 }, later));
  expect(flow.reputation('a', later)).toBeCloseTo(0.5 * 60 * (100 / 120), 10);
  flow.grant('relay', 0);
  expect(flow.reputation('a', later)).toBe(0);
});

test('tables are bounded: the peers with the least work and the statement with the least weight are evicted', () => {
  const flow = createFlow('me', { peersMax: 8, statementsMax: 2 });
  for (let i = 1; i <= 9; i++) flow.received(`p${i}`, i, now);
  expect(flow.ledger(now).received.map(({ peer }) => peer)).toEqual(['p3', 'p4', 'p5', 'p6', 'p7', 'p8', 'p9']);
  flow.setStatement(word('p8', { a: 1 }));
  flow.setStatement(word('p9', { b: 1 }));
  flow.setStatement(word('p5', { c: 1 }));
  expect(['a', 'b', 'c'].map((peer) => flow.reputation(peer, now) > 0)).toEqual([true, true, false]);
});

test('invalid and negative amounts are ignored', () => {
  const flow = createFlow('me');
  for (const work of [0, -5, Number.NaN]) flow.received('k', work, now);
  flow.failed('k', -10, now);
  expect(flow.reputation('k', now)).toBe(0);
  flow.received('k', 10, now);
  flow.setStatement(word('k', { a: -5, b: 0 }));
  expect([flow.reputation('a', now), flow.reputation('b', now)]).toEqual([0, 0]);
});
