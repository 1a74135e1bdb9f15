import { sha256 } from '@noble/hashes/sha2.js';
import type { AbortOptions } from '#lib/base/abort.ts';
import { concatBytes, fromHex, toHex, utf8Encode } from '#lib/base/bytes.ts';

/**
 * A public source of randomness that nobody knows beforehand and everybody can check afterwards. Its rounds are dated by a rule,
 * so that which round picks from an epoch is settled before that round exists.
 */
export interface Beacon {
  /** Of this chain: 64 hexadecimal digits. Draws of two chains are never the same. */
  readonly id: string;
  /** The first round that comes after this time, in milliseconds since the epoch. */
  roundAfter(atMs: number): number;
  /** When the round is due, in milliseconds since the epoch. */
  timeOf(round: number): number;
  /** Never throws, but for an abort. */
  value(round: number, options?: AbortOptions): Promise<BeaconValue>;
}

/**
 * `not-yet`: it is not due, or not final; ask again. `missing`: it is due, and no source has it or answers; ask again.
 * `forged`: a source gave one that does not check, and no other had a good one.
 */
export type BeaconValue =
  | { readonly type: 'value'; readonly round: number; readonly randomness: Uint8Array }
  | { readonly type: 'not-yet' | 'missing' | 'forged'; readonly round: number };

/** What all who audit agree on without talking: which round picks, and whether the commitment came in time for it. */
export function pickingRound(beacon: Beacon, { until, graceMs }: { readonly until: number; readonly graceMs: number }) {
  const round = beacon.roundAfter(until + graceMs);
  return { round, dueAt: beacon.timeOf(round) };
}

/** A millionth is the unit of shares: two per cent are 20,000. */
export const shareUnit = 1_000_000;

/**
 * The leaves of a committed tree that a beacon's round picks, ascending. Each leaf is picked with probability `share`, in
 * millionths, independently of all others, by a hash over the randomness, the root and its own index: so that one pick is checked
 * alone, and no leaf is likelier than another.
 */
export function pickLeaves(draw: Draw, { root, count }: Tree, share: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index).filter((index) => isPicked(draw, { root, index }, share));
}

export const isPicked = (
  draw: Draw,
  { root, index }: { readonly root: string; readonly index: number },
  share: number,
) => wordOf(drawn(draw, 'leaf', fromHex(root), index)) * BigInt(shareUnit) < BigInt(share) << 64n;

/**
 * All of `items` in an order that the beacon decides for this purpose; the order in which they are given does not matter. The first
 * of them are a panel, those that follow stand in for who is missing.
 */
export function shuffled(draw: Draw, purpose: string, items: readonly string[]): readonly string[] {
  const ranked = items.map((item) => ({ item, rank: toHex(drawn(draw, purpose, utf8Encode(item), 0)) }));
  return ranked.sort((a, b) => (a.rank < b.rank ? -1 : 1)).map(({ item }) => item);
}

/** `count` distinct positions below `length`, ascending: all of them where there are not more. */
export function pickPositions(draw: Draw, audit: string, length: number, count: number): readonly number[] {
  const all = Array.from({ length }, (_, at) => String(at));
  return shuffled(draw, `positions ${audit}`, all)
    .slice(0, count)
    .map(Number)
    .sort((a, b) => a - b);
}

/** The randomness of one round of one chain. */
export interface Draw {
  readonly beacon: string;
  readonly randomness: Uint8Array;
}

interface Tree {
  readonly root: string;
  readonly count: number;
}

function drawn({ beacon, randomness }: Draw, purpose: string, subject: Uint8Array, index: number): Uint8Array {
  const at = new Uint8Array(4);
  new DataView(at.buffer).setUint32(0, index);
  const head = utf8Encode(`tabloom/draw/2/${purpose}\n`);
  return sha256(concatBytes(head, fromHex(beacon), randomness, sha256(subject), at));
}

const wordOf = (hash: Uint8Array) => new DataView(hash.buffer, hash.byteOffset).getBigUint64(0);
