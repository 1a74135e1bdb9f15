import { TabloomError } from '#lib/base/errors.ts';
import { openEnvelope, type Envelope } from '#lib/protocol/envelope.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { countersignSchema } from '#lib/protocol/receipt.ts';
import type { ForkRecord } from '#lib/protocol/tally.ts';
import { openReceipt, receiptHash } from './receipt.ts';

/**
 * Each side's records form a hash chain: a receipt contains the hash of the worker's previous receipt, a countersign
 * that of the asker's previous countersign. A peer that presents two different histories has signed two records with
 * the same predecessor, and that pair proves it to third parties.
 */
export type ChainSide = 'worker' | 'asker';

/** The predecessor hash in the first record of a chain. */
export const chainStart = '0'.repeat(64);

export interface ChainLink {
  readonly envelope: Envelope;
  readonly peer: PeerId;
  /** Hash of this record, which its successor contains. */
  readonly hash: string;
  readonly prev: string;
}

/** @throws `bad-record`; `bad-signature`, also if the record is not signed by the peer it names. */
export function readLink(side: ChainSide, envelope: Envelope): ChainLink {
  const { peer, named, prev, hash } = side === 'worker' ? worked(envelope) : asked(envelope);
  if (peer !== named) {
    throw new TabloomError('bad-signature', 'The record is not signed by the peer it names.');
  }
  return { envelope, peer, hash, prev };
}

export type ChainCheck =
  | { readonly type: 'whole'; readonly head: string }
  /** `at`: index of the first inconsistent record. */
  | { readonly type: 'broken'; readonly at: number; readonly reason: 'bad-record' | 'other-peer' | 'not-linked' };

/** Checks that the records, oldest first, form an unbroken chain from `start`. */
export function checkChain(side: ChainSide, records: readonly Envelope[], start: string = chainStart): ChainCheck {
  let prev = start;
  let owner: PeerId | undefined;
  for (const [at, envelope] of records.entries()) {
    const link = tryRead(side, envelope);
    if (!link) return { type: 'broken', at, reason: 'bad-record' };
    owner ??= link.peer;
    if (link.peer !== owner) return { type: 'broken', at, reason: 'other-peer' };
    if (link.prev !== prev) return { type: 'broken', at, reason: 'not-linked' };
    prev = link.hash;
  }
  return { type: 'whole', head: prev };
}

/**
 * Two different records signed by one key with the same predecessor. Two that both begin a chain are no fork: a peer that
 * lost its storage begins a new chain, and that is not a lie.
 */
export type Fork = ForkRecord;

/** Looks for a fork between two histories of one peer, skipping unreadable records. */
export function findFork(side: ChainSide, one: readonly Envelope[], other: readonly Envelope[]): Fork | undefined {
  const byPlace = new Map<string, ChainLink>();
  for (const envelope of [...one, ...other]) {
    const link = tryRead(side, envelope);
    if (!link || link.prev === chainStart) continue;
    const place = `${link.peer} ${link.prev}`;
    const taken = byPlace.get(place);
    if (taken && taken.hash !== link.hash) return { side, left: taken.envelope, right: envelope };
    byPlace.set(place, link);
  }
  return undefined;
}

/** Whether the evidence is valid. Needs nothing but the fork itself. */
export function provesFork({ side, left, right }: Fork): boolean {
  const [a, b] = [tryRead(side, left), tryRead(side, right)];
  if (!a || !b || a.prev === chainStart) return false;
  return a.peer === b.peer && a.prev === b.prev && a.hash !== b.hash;
}

function worked(envelope: Envelope) {
  const { record, peer, hash } = openReceipt(envelope);
  return { peer, named: record.worker, prev: record.prevWorker, hash };
}

function asked(envelope: Envelope) {
  const { record, peer } = openEnvelope('countersign', countersignSchema, envelope);
  return { peer, named: record.asker, prev: record.prevAsker, hash: receiptHash(envelope) };
}

function tryRead(side: ChainSide, envelope: Envelope): ChainLink | undefined {
  try {
    return readLink(side, envelope);
  } catch {
    return undefined;
  }
}
