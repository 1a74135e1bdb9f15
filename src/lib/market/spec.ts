import type { Envelope } from '#lib/protocol/envelope.ts';
import type { ArtefactId, PeerId } from '#lib/protocol/ids.ts';
import type { Tier } from '#lib/protocol/job.ts';
import type { Offer, OfferedModel } from '#lib/protocol/offer.ts';
import type { Price } from '#lib/protocol/price.ts';

/** Who serves what, as heard. Made by `createDirectory({ clock })` in `directory.ts`. */
export interface Directory {
  /**
   * Judges an opened offer and keeps it when `fresh`. `seq` must rise, `issuedAt` must lie within the TTL and the
   * allowed skew, and no peer may speak more often than the limit.
   */
  consider(offer: Offer, envelope: Envelope): Admission;
  /** What `consider` would say now, keeping nothing: asked before a signature is checked, which costs more. */
  checkFreshness(offer: Offer): Admission;
  /** Forgets a peer: it said goodbye or its connection proved dead. Returns whether it was known. */
  remove(peer: PeerId): boolean;
  get(peer: PeerId): DirectoryEntry | undefined;
  /** Offers that have not expired, in no particular order: a copy of everything, for a page and never for a job. */
  entries(): readonly DirectoryEntry[];
  /**
   * Offers that list the model, without copying them: good until the directory's next change, and an offer that has expired
   * may stand there for as long as `expire` has not been called.
   */
  serving(model: RouteQuery['model']): readonly DirectoryEntry[];
  /** Offers kept, those included that expired since the last `expire`. */
  readonly size: number;
  /** Drops what has expired, telling listeners; call it about once a second. */
  expire(): void;
  onChange(listener: (change: DirectoryChange) => void): () => void;
}

export type Admission = 'fresh' | 'stale' | 'repeated' | 'ahead' | 'too-often' | 'full';

export interface DirectoryEntry {
  readonly offer: Offer;
  readonly envelope: Envelope;
  readonly receivedAt: number;
  readonly expiresAt: number;
}

export type DirectoryChange =
  { readonly type: 'offer'; readonly entry: DirectoryEntry } | { readonly type: 'gone'; readonly peer: PeerId };

/** What an asker demands of its worker, whatever the job. */
export interface WorkerConditions {
  /** Only these peers, in no order; undefined for all. */
  readonly only?: readonly PeerId[] | undefined;
  /** None of these. */
  readonly ignore?: readonly PeerId[] | undefined;
  /** Forms of the weights that are accepted, in any case; undefined for all. */
  readonly quantisations?: readonly string[] | undefined;
  /** The highest price, in smallest units per million. */
  readonly priceMax?: Price | undefined;
}

/** What a job asks of a worker. */
export interface RouteQuery extends WorkerConditions {
  readonly model: { readonly artefact: ArtefactId } | { readonly name: string } | 'any';
  readonly tier: Tier;
  /** Estimated length of prompt and answer together. */
  readonly contextTokens: number;
  readonly kind: string;
  /** What the model must be able to do. */
  readonly features?: readonly string[] | undefined;
  /** What the job may cost still, in the smallest unit; without it only free workers can do it. */
  readonly budget?: string | undefined;
  /** Peers already tried for this job. */
  readonly not?: readonly PeerId[] | undefined;
}

/** A worker that can do the job, with the model it would do it with. */
export interface Candidate {
  readonly entry: DirectoryEntry;
  readonly model: OfferedModel;
}

/** Why a worker was not taken, for the message a person reads and for the doctor page. */
export interface Rejection {
  readonly peer: PeerId;
  readonly reason: RejectionReason;
}

export type RejectionReason =
  | 'version'
  | 'model-not-here'
  | 'tier'
  | 'feature'
  | 'quantisation'
  | 'price'
  | 'context-too-small'
  | 'draining'
  | 'queue-full'
  | 'parked'
  | 'not-allowed'
  | 'tried-already'
  | 'expired';

/** Why a worker that can do the job was passed over for another. */
export type PassReason =
  /** It has signed two histories: never again. */
  | 'forked'
  /** It has broken more promises than it kept. */
  | 'distrusted'
  /** Others have standing and room; this one has none yet. */
  | 'stranger'
  /** It is admitted after its canaries, and its small share of the jobs is used up. */
  | 'on-trial'
  /** The same of one that is admitted because workers known here vouch for it. */
  | 'vouched'
  /** A worker behind the same address has had its try at this job. */
  | 'same-zone'
  /** Another is expected to be done well before. */
  | 'slower'
  /** A hub sells what it serves, and a channel to it would cost more than the hub does. */
  | 'dear-channel'
  /** As good as the one that was drawn. */
  | 'not-drawn';

/** One word for each worker that was looked at, in the doctor and in the `x-tabloom-route` header. */
export interface Considered {
  readonly peer: PeerId;
  readonly reason: 'chosen' | PassReason;
}
