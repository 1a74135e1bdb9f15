import { fromHex, toHex } from '#lib/base/bytes.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { openEnvelope, signChecked, type Envelope, type Signer } from '#lib/protocol/envelope.ts';
import { parseRecord } from '#lib/protocol/cbor.ts';
import { epochSchema, inclusionPathSchema, type EpochCommitment } from '#lib/protocol/epoch.ts';
import { hashSchema } from '#lib/protocol/ids.ts';
import { limits } from '#lib/protocol/limits.ts';
import { chainStart } from './chain.ts';
import { hashLeaf, hashNode } from './merkle.ts';
import { receiptHash } from './receipt.ts';

/**
 * The receipts of one epoch as a Merkle tree of RFC 6962: the leaves are the receipts' hashes (32 bytes each) in ascending
 * order, so that the worker cannot choose where a receipt stands.
 */
export interface EpochTree {
  /** 64 hexadecimal digits. */
  readonly root: string;
  /** Receipt hashes in the order of the leaves. */
  readonly leaves: readonly string[];
  /** The siblings from this leaf up to the root. @throws `bad-request` for an index that is not in the tree. */
  prove(index: number): readonly string[];
}

/** @throws `bad-request` unless it is given 1 to 16,384 distinct hashes. */
export function createEpochTree(receipts: readonly string[]): EpochTree {
  const leaves = receipts.toSorted();
  const isWhole = leaves.every((hash, at) => hashSchema.safeParse(hash).success && hash !== leaves[at - 1]);
  if (!isWhole || leaves.length === 0 || leaves.length > limits.epochReceiptsMax) {
    throw new TabloomError(
      'bad-request',
      `An epoch has 1 to ${limits.epochReceiptsMax} receipts, each once; commit more often, or not at all.`,
    );
  }
  const levels = [leaves.map((hash) => hashLeaf(fromHex(hash)))];
  for (let level = levels[0]!; level.length > 1; level = levels.at(-1)!) levels.push(parentsOf(level));
  return {
    root: toHex(levels.at(-1)![0]!),
    leaves,
    prove(index) {
      if (!leaves[index]) throw new TabloomError('bad-request', 'The tree has no such leaf.');
      return levels.flatMap((level, height) => {
        const sibling = level[(index >> height) ^ 1];
        return sibling ? [toHex(sibling)] : [];
      });
    },
  };
}

/** The last of an odd number goes up as it is: the same tree as splitting at the largest power of two. */
function parentsOf(level: readonly Uint8Array[]): Uint8Array[] {
  const parents: Uint8Array[] = [];
  for (let at = 0; at < level.length; at += 2) {
    const [left, right] = [level[at]!, level[at + 1]];
    parents.push(right ? hashNode(left, right) : left);
  }
  return parents;
}

export interface Inclusion {
  readonly receipt: string;
  readonly index: number;
  readonly path: readonly string[];
}

/** Whether the receipt stands at this index of the committed tree (RFC 9162, section 2.1.3.2). Never throws. */
export function provesInclusion(
  { receipt, index, path }: Inclusion,
  { root, count }: Pick<EpochCommitment, 'root' | 'count'>,
): boolean {
  if (!Number.isSafeInteger(index) || index < 0 || index >= count) return false;
  if (!hashSchema.safeParse(receipt).success || !inclusionPathSchema.safeParse(path).success) return false;
  let [at, last] = [index, count - 1];
  let hash = hashLeaf(fromHex(receipt));
  for (const sibling of path) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      hash = hashNode(fromHex(sibling), hash);
      // Levels on which this subtree is the last of an odd number have no sibling.
      while (at % 2 === 0 && at !== 0) [at, last] = [at >> 1, last >> 1];
    } else {
      hash = hashNode(hash, fromHex(sibling));
    }
    [at, last] = [at >> 1, last >> 1];
  }
  return last === 0 && toHex(hash) === root;
}

export interface OpenedEpoch {
  readonly record: EpochCommitment;
  readonly envelope: Envelope;
  /** Names the commitment in the next one, and in audits. */
  readonly hash: string;
}

/** @throws `bad-record` rather than signing what nobody could read, or in another peer's name. */
export function commitEpoch(commitment: EpochCommitment, signer: Signer): OpenedEpoch {
  const record = parseRecord(epochSchema, commitment, 'bad-record');
  if (record.worker !== signer.peer) {
    throw new TabloomError('bad-record', 'An epoch must be signed with the key of the worker it names.');
  }
  const envelope = signChecked('epoch', epochSchema, record, signer);
  return { record, envelope, hash: receiptHash(envelope) };
}

/** @throws `bad-signature`, also if it is not signed by the worker it names; `bad-record`. */
export function openEpoch(envelope: Envelope): OpenedEpoch {
  const { record, peer } = openEnvelope('epoch', epochSchema, envelope);
  if (record.worker !== peer) throw new TabloomError('bad-signature', 'The epoch is not signed by its worker.');
  return { record, envelope, hash: receiptHash(envelope) };
}

/** Why a commitment is not the next one of its worker; undefined where it is. `before`: undefined for a first one. */
export function epochRefusal(
  next: OpenedEpoch,
  before: OpenedEpoch | undefined,
): 'equivocation' | 'stale-epoch' | 'epoch-gap' | undefined {
  const { epoch, from, previous } = next.record;
  // Whoever meets a worker later than its first epoch cannot know what was before.
  if (!before) return epoch === 0 && previous !== chainStart ? 'epoch-gap' : undefined;
  if (provesEquivocation(next, before)) return 'equivocation';
  if (epoch <= before.record.epoch) return 'stale-epoch';
  const follows = epoch === before.record.epoch + 1 && previous === before.hash && from === before.record.until;
  return follows ? undefined : 'epoch-gap';
}

/**
 * Whether these are two commitments of one worker for one epoch, or for the same time: it showed two histories, and the pair
 * proves that to anybody.
 */
export function provesEquivocation(one: OpenedEpoch, other: OpenedEpoch): boolean {
  const [a, b] = [one.record, other.record];
  if (a.worker !== b.worker || one.hash === other.hash) return false;
  return a.epoch === b.epoch || (a.from < b.until && b.from < a.until);
}
