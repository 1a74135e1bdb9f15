import { sha256 } from '@noble/hashes/sha2.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { concatBytes, fromHex, toHex, utf8Encode } from '#lib/base/bytes.ts';
import { createSigner, signEnvelope } from '#lib/protocol/envelope.ts';
import type { EpochCommitment } from '#lib/protocol/epoch.ts';
import { hashBytes } from '#lib/protocol/hash.ts';
import { limits } from '#lib/protocol/limits.ts';
import { chainStart } from './chain.ts';
import {
  commitEpoch,
  createEpochTree,
  epochRefusal,
  openEpoch,
  provesEquivocation,
  provesInclusion,
  type Inclusion,
} from './epoch.ts';

const worker = createSigner(new Uint8Array(32).fill(1));
const stranger = createSigner(new Uint8Array(32).fill(2));
const hashesOf = (count: number) => Array.from({ length: count }, (_, i) => hashBytes(utf8Encode(`receipt ${i}`)));

const first: EpochCommitment = {
  worker: worker.peer,
  epoch: 0,
  from: 0,
  until: 1_000,
  root: 'a'.repeat(64),
  count: 3,
  tokens: 90,
  previous: chainStart,
};
const commit = (over: Partial<EpochCommitment> = {}) => commitEpoch({ ...first, ...over }, worker);

test('every leaf of every small tree has a proof, and it proves nothing else', () => {
  for (let count = 1; count <= 33; count++) {
    const tree = createEpochTree(hashesOf(count));
    const commitment = { root: tree.root, count };
    for (const [index, receipt] of tree.leaves.entries()) {
      const path = tree.prove(index);
      const proof: Inclusion = { receipt, index, path };
      expect(provesInclusion(proof, commitment)).toBe(true);
      for (const other of [
        { index: index + 1 },
        { index: index - 1 },
        { index: index + count },
        { index: index + 0.5 },
        { receipt: 'b'.repeat(64) },
        { receipt: receipt.toUpperCase() },
        { path: [...path, 'b'.repeat(64)] },
        ...(path.length > 0 ? [{ path: path.slice(1) }, { path: path.slice(0, -1) }] : []),
        { path: path.map((hash) => hash.slice(1)).concat('x') },
      ])
        expect(provesInclusion({ ...proof, ...other }, commitment), JSON.stringify({ count, index, other })).toBe(
          false,
        );
      expect(provesInclusion(proof, { root: 'c'.repeat(64), count })).toBe(false);
      if (count > 1) expect(provesInclusion(proof, { root: tree.root, count: index })).toBe(false);
    }
  }
});

test('the tree is that of RFC 6962, whatever the order in which the receipts are given', () => {
  const rootOf = (hashes: readonly string[]): Uint8Array => {
    if (hashes.length === 1) return sha256(concatBytes(Uint8Array.of(0), fromHex(hashes[0]!)));
    const split = 2 ** Math.ceil(Math.log2(hashes.length) - 1);
    return sha256(concatBytes(Uint8Array.of(1), rootOf(hashes.slice(0, split)), rootOf(hashes.slice(split))));
  };
  for (const count of [1, 2, 3, 7, 8, 21]) {
    const receipts = hashesOf(count);
    const { root, leaves } = createEpochTree(receipts);
    expect(leaves).toEqual(receipts.toSorted());
    expect(root).toBe(toHex(rootOf(leaves)));
    expect(createEpochTree(receipts.toReversed()).root).toBe(root);
  }
});

test('no receipt, too many, one twice or one that is no hash make no tree', () => {
  const [hash = ''] = hashesOf(1);
  for (const receipts of [[], [hash, hash], ['x'], hashesOf(limits.epochReceiptsMax + 1)])
    expect(() => createEpochTree(receipts)).toThrow(expect.objectContaining({ code: 'bad-request' }));
  const tree = createEpochTree([hash]);
  expect(tree.prove(0)).toEqual([]);
  for (const index of [1, -1, 0.5])
    expect(() => tree.prove(index)).toThrow(expect.objectContaining({ code: 'bad-request' }));
});

test('the largest tree has proofs within the limit', () => {
  const tree = createEpochTree(hashesOf(limits.epochReceiptsMax));
  const path = tree.prove(12_345);
  expect(path).toHaveLength(limits.epochPathMax);
  const count = limits.epochReceiptsMax;
  expect(provesInclusion({ receipt: tree.leaves[12_345]!, index: 12_345, path }, { root: tree.root, count })).toBe(
    true,
  );
});

test('a proof with any one bit changed proves nothing', () => {
  const tree = createEpochTree(hashesOf(21));
  const path = tree.prove(20);
  const flip = (hash: string, at: number) => hash.slice(0, at) + (hash[at] === '0' ? '1' : '0') + hash.slice(at + 1);
  fc.assert(
    fc.property(fc.nat(path.length - 1), fc.nat(63), (step, digit) => {
      const forged = path.map((hash, at) => (at === step ? flip(hash, digit) : hash));
      return !provesInclusion({ receipt: tree.leaves[20]!, index: 20, path: forged }, { root: tree.root, count: 21 });
    }),
    { seed: 11, numRuns: 100 },
  );
});

test('a commitment is read as it was signed, by its own worker alone', () => {
  const { envelope, record, hash } = commit();
  expect(openEpoch({ ...envelope })).toEqual({ record, envelope, hash });
  expect(() => openEpoch(signEnvelope('epoch', first, stranger))).toThrow(
    expect.objectContaining({ code: 'bad-signature' }),
  );
  expect(() => commitEpoch(first, stranger)).toThrow(expect.objectContaining({ code: 'bad-record' }));
  for (const bad of [{ count: 0 }, { count: limits.epochReceiptsMax + 1 }, { until: 0 }, { tokens: -1 }, { root: 'x' }])
    expect(() => commit(bad)).toThrow(expect.objectContaining({ code: 'bad-record' }));
});

test('commitments follow each other without a gap', () => {
  const one = commit();
  const next = commit({ epoch: 1, from: 1_000, until: 2_000, previous: one.hash });
  expect(epochRefusal(one, undefined)).toBeUndefined();
  expect(epochRefusal(next, one)).toBeUndefined();
  expect(epochRefusal(next, undefined)).toBeUndefined();
  expect(epochRefusal(one, one)).toBe('stale-epoch');
  expect(epochRefusal(one, next)).toBe('stale-epoch');
  expect(epochRefusal(commit({ previous: one.hash }), undefined)).toBe('epoch-gap');
  for (const over of [{ epoch: 2 }, { previous: chainStart }, { from: 1_001 }])
    expect(epochRefusal(commit({ ...next.record, ...over }), one)).toBe('epoch-gap');
});

test('two roots for one epoch, or two epochs for one time, are a proof of two histories; one told twice is none', () => {
  const one = commit();
  const other = commit({ root: 'b'.repeat(64) });
  expect(provesEquivocation(one, other)).toBe(true);
  expect(epochRefusal(other, one)).toBe('equivocation');
  expect(provesEquivocation(one, commit({ epoch: 1, from: 999, until: 2_000, previous: one.hash }))).toBe(true);
  expect(provesEquivocation(one, openEpoch({ ...one.envelope }))).toBe(false);
  expect(provesEquivocation(one, commitEpoch({ ...first, worker: stranger.peer }, stranger))).toBe(false);
  expect(provesEquivocation(one, commit({ epoch: 1, from: 1_000, until: 2_000, previous: one.hash }))).toBe(false);
});
