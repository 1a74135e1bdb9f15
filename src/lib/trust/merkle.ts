import { sha256 } from '@noble/hashes/sha2.js';
import { concatBytes } from '#lib/base/bytes.ts';

/** Bytes per leaf; the last one may be shorter. */
export const blockBytes = 64;

/** Of an empty stream. Not to be changed. */
export const emptyRoot: Uint8Array = sha256(new Uint8Array());

/** Incrementally hashes a byte stream as a Merkle tree, buffering one block and one hash per level. */
export interface MerkleBuilder {
  /** Bytes added so far. */
  readonly sizeBytes: number;
  /** How the stream is split across calls does not affect the root. */
  add(bytes: Uint8Array): void;
  /** The root (32 bytes) of what has been added so far; more may be added afterwards. */
  root(): Uint8Array;
}

/**
 * The Merkle tree hash of RFC 6962, section 2.1, over the stream's blocks of 64 bytes: a leaf is SHA-256(0x00 ‖ block),
 * a node SHA-256(0x01 ‖ left ‖ right), the left subtree holds the largest power of two smaller than the number of
 * leaves, and the root of an empty stream is SHA-256 of the empty string.
 */
export function createMerkle(): MerkleBuilder {
  const block = new Uint8Array(blockBytes);
  let filled = 0;
  let leaves = 0;
  /** Roots of the perfect subtrees so far, largest first: one per bit set in `leaves`. */
  const perfect: Uint8Array[] = [];

  const pushLeaf = (hash: Uint8Array) => {
    let node = hash;
    for (let bit = leaves; bit % 2 === 1; bit = Math.floor(bit / 2)) node = hashNode(perfect.pop()!, node);
    perfect.push(node);
    leaves += 1;
  };

  const merkle: MerkleBuilder & { sizeBytes: number } = {
    sizeBytes: 0,
    add(bytes) {
      merkle.sizeBytes += bytes.length;
      for (let at = 0; at < bytes.length;) {
        const taken = Math.min(blockBytes - filled, bytes.length - at);
        block.set(bytes.subarray(at, at + taken), filled);
        filled += taken;
        at += taken;
        if (filled === blockBytes) {
          pushLeaf(hashLeaf(block));
          filled = 0;
        }
      }
    },
    root() {
      const nodes = filled > 0 ? [...perfect, hashLeaf(block.subarray(0, filled))] : perfect;
      return nodes.length === 0 ? emptyRoot : nodes.reduceRight((right, left) => hashNode(left, right));
    },
  };
  return merkle;
}

export const hashLeaf = (bytes: Uint8Array): Uint8Array => sha256(concatBytes(Uint8Array.of(0), bytes));
export const hashNode = (left: Uint8Array, right: Uint8Array): Uint8Array =>
  sha256(concatBytes(Uint8Array.of(1), left, right));
