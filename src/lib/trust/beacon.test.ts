import { expect, test } from 'vitest';
import { fromHex } from '#lib/base/bytes.ts';
import { isPicked, pickingRound, pickLeaves, pickPositions, shuffled, type Draw } from './beacon.ts';
import { ownChain } from './beacon.fixture.ts';
import { checkRound, createDrandBeacon, quicknet, type RoundSource } from './drand.ts';

const own = ownChain({ genesis: 1_000, periodSeconds: 3 });
const clockAt = (ms: number) => ({ now: () => ms });
const late = clockAt(10_000_000);

test('a round of the public chain checks, under its own number and key alone', () => {
  const signature = fromHex(
    'b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39',
  );
  expect(checkRound(quicknet, 1_000, signature)).toBe(true);
  expect(checkRound(quicknet, 1_001, signature)).toBe(false);
  expect(checkRound(own.chain, 1_000, signature)).toBe(false);
  for (const bad of [signature.slice(1), new Uint8Array(48), new Uint8Array(48).fill(255), new Uint8Array()])
    expect(checkRound(quicknet, 1_000, bad)).toBe(false);
  for (const round of [0, -1, 0.5, Number.NaN]) expect(checkRound(quicknet, round, signature)).toBe(false);
});

test('rounds are dated by a rule; the one that picks comes after the grace', () => {
  const beacon = createDrandBeacon({ chain: own.chain, sources: [], clock: late });
  expect([1, 2, 11].map(beacon.timeOf)).toEqual([1_000_000, 1_003_000, 1_030_000]);
  for (const at of [0, 1_000_000, 1_002_999, 1_003_000, 1_234_567]) {
    const round = beacon.roundAfter(at);
    expect(beacon.timeOf(round)).toBeGreaterThan(at);
    if (round > 1) expect(beacon.timeOf(round - 1)).toBeLessThanOrEqual(at);
  }
  expect(pickingRound(beacon, { until: 1_020_000, graceMs: 10_000 })).toEqual({ round: 12, dueAt: 1_033_000 });
});

test('a round that is early, missing or forged is said to be; a good source behind a bad one is found', async () => {
  const forged: RoundSource = async (round) => own.signRound(round + 1);
  const silent: RoundSource = async () => undefined;
  const typeOf = async (sources: readonly RoundSource[], clock = late) =>
    (await createDrandBeacon({ chain: own.chain, sources, clock }).value(5)).type;
  expect(await typeOf([own.source], clockAt(1_011_999))).toBe('not-yet');
  expect(await typeOf([own.source], clockAt(1_012_000))).toBe('value');
  expect(await typeOf([])).toBe('missing');
  expect(await typeOf([silent])).toBe('missing');
  expect(await typeOf([silent, forged])).toBe('forged');
  expect(await typeOf([forged, silent, own.source])).toBe('value');
  const stopped = AbortSignal.abort(new Error('stopped'));
  const beacon = createDrandBeacon({ chain: own.chain, sources: [silent], clock: late });
  await expect(beacon.value(5, { signal: stopped })).rejects.toThrow('stopped');
});

test('a round that was checked is not asked for again', async () => {
  let asked = 0;
  const counting: RoundSource = async (round) => ((asked += 1), own.signRound(round));
  const beacon = createDrandBeacon({ chain: own.chain, sources: [counting], clock: late });
  const [one, other] = [await beacon.value(9), await beacon.value(9)];
  expect(one).toEqual(other);
  expect(asked).toBe(1);
});

const draw: Draw = { beacon: own.chain.id, randomness: new Uint8Array(32).fill(5) };
const tree = { root: 'ab'.repeat(32), count: 10_000 };

test('each leaf is picked with the share’s probability, alike everywhere, and checked alone', () => {
  const picked = pickLeaves(draw, tree, 20_000);
  expect(picked.length).toBeGreaterThan(150);
  expect(picked.length).toBeLessThan(250);
  const thirds = [0, 1, 2].map((third) => picked.filter((leaf) => Math.floor(leaf / 3_334) === third).length);
  expect(Math.min(...thirds)).toBeGreaterThan(40);
  for (const index of [0, picked[0]!, picked[0]! + 1])
    expect(isPicked(draw, { root: tree.root, index }, 20_000)).toBe(picked.includes(index));
  expect(pickLeaves(draw, tree, 0)).toEqual([]);
  expect(pickLeaves(draw, tree, 1_000_000)).toHaveLength(10_000);
  // A larger share picks what a smaller one did, and more.
  expect(pickLeaves(draw, tree, 40_000)).toEqual(expect.arrayContaining([...picked]));
});

test('what is picked depends on the round, the chain and the root', () => {
  const picked = pickLeaves(draw, tree, 20_000);
  for (const other of [
    pickLeaves({ ...draw, randomness: new Uint8Array(32).fill(6) }, tree, 20_000),
    pickLeaves({ ...draw, beacon: quicknet.id }, tree, 20_000),
    pickLeaves(draw, { ...tree, root: 'cd'.repeat(32) }, 20_000),
  ])
    expect(other).not.toEqual(picked);
});

test('an order does not depend on how it was asked for, and every item can be first', () => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  const order = shuffled(draw, 'panel 1', names);
  expect(shuffled(draw, 'panel 1', names.toReversed())).toEqual(order);
  expect([...order].sort()).toEqual(names);
  const firsts = new Set(Array.from({ length: 60 }, (_, i) => shuffled(draw, `panel ${i}`, names)[0]));
  expect(firsts.size).toBe(5);
});

test('positions are distinct, ascending, and all of them in a short answer', () => {
  expect(pickPositions(draw, 'x', 3, 8)).toEqual([0, 1, 2]);
  const positions = pickPositions(draw, 'x', 200, 8);
  expect(new Set(positions).size).toBe(8);
  expect(positions).toEqual(positions.toSorted((a, b) => a - b));
  expect(pickPositions(draw, 'y', 200, 8)).not.toEqual(positions);
});
