import { expect, test } from 'vitest';
import { createSigner } from '#lib/protocol/envelope.ts';
import { createLinkIndex } from './links.ts';

const { peer } = createSigner(new Uint8Array(32).fill(1));
const hashOf = (n: number) => n.toString(16).padStart(8, '0').repeat(8);
const link = (n: number, prev: number) => ({ peer, hash: hashOf(n), prev: hashOf(prev) });

test('another record in the same place is found, the same one again is not, and sides are apart', () => {
  const index = createLinkIndex(10);
  expect(index.add('worker', link(2, 1), 'a')).toBeUndefined();
  expect(index.add('worker', link(2, 1), 'b')).toBeUndefined();
  expect(index.add('worker', link(3, 2), 'c')).toBeUndefined();
  expect(index.add('asker', link(4, 1), 'd')).toBeUndefined();
  expect(index.add('worker', link(5, 1), 'e')).toBe('a');
});

test('two who were shown different histories find the place, and say nothing of the others', () => {
  const [mine, theirs] = [createLinkIndex(10), createLinkIndex(10)];
  for (const index of [mine, theirs]) index.add('worker', link(2, 1), 'common');
  mine.add('worker', link(3, 2), 'mine');
  theirs.add('worker', link(4, 2), 'theirs');
  theirs.add('worker', link(5, 4), 'alone');
  const found = mine.conflicts(theirs.digests(10), 10);
  expect(found.map(({ key }) => key)).toEqual(['mine']);
  expect(theirs.conflicts(found[0]!.digest, 10).map(({ key }) => key)).toEqual(['theirs']);
  expect(mine.conflicts(mine.digests(10), 10)).toEqual([]);
});

test('the oldest links are forgotten, and no more are named than were asked for', () => {
  const index = createLinkIndex(3);
  for (let n = 1; n <= 5; n++) index.add('worker', link(n, n - 1), `k${n}`);
  expect(index.digests(10)).toHaveLength(3 * 24);
  expect(index.digests(2)).toHaveLength(2 * 24);
  const others = createLinkIndex(10);
  for (let n = 1; n <= 5; n++) others.add('worker', link(100 + n, n - 1), 'other');
  expect(index.conflicts(others.digests(10), 10).map(({ key }) => key)).toEqual(['k3', 'k4', 'k5']);
  expect(index.conflicts(others.digests(10), 1)).toHaveLength(1);
  expect(index.conflicts(new Uint8Array(23), 10)).toEqual([]);
});
