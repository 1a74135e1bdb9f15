import type { Reveal, SealTruth, Verdict } from '#lib/protocol/audit.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import type { Draw } from './beacon.ts';
import type { VoteFault } from './vote.ts';

/** What is known when an answer is called wrong: who is a party, who may judge, and for how long each step waits. */
export interface TrialTerms {
  readonly audit: string;
  readonly worker: PeerId;
  readonly accuser: PeerId;
  readonly asker: PeerId;
  /** Hash of the receipt that is in doubt. */
  readonly receipt: string;
  readonly seal: string;
  /** Of the worker's engine; one of the panel has the same where there is one. */
  readonly engineClass: string;
  readonly candidates: readonly Candidate[];
  /** How many of the answer's positions each validator tells its values at. */
  readonly positions: number;
  readonly windows: TrialWindows;
}

export interface Candidate {
  readonly peer: PeerId;
  readonly engineClass: string;
}

/** All in milliseconds. */
export interface TrialWindows {
  readonly drawMs: number;
  readonly commitMs: number;
  readonly revealMs: number;
  readonly unsealMs: number;
  readonly appealMs: number;
  /** A clock that goes on by more between two events has jumped: the window that was open is given that time again. */
  readonly jumpMs: number;
}

export const trialWindows: TrialWindows = {
  drawMs: 5 * 60_000,
  commitMs: 10 * 60_000,
  revealMs: 10 * 60_000,
  unsealMs: 10 * 60_000,
  appealMs: 24 * 3_600_000,
  jumpMs: 3 * 60_000,
};

/** `undecided`: too few of those who were called said either way. `dismissed`: they did not agree. */
export type TrialOutcome = 'convicted' | 'cleared' | 'dismissed' | 'undecided' | 'planted' | 'no-beacon';

export interface TrialState {
  readonly terms: TrialTerms;
  readonly phase: 'drawing' | 'committing' | 'revealing' | 'unsealing' | 'appealable' | 'settled';
  readonly round: 1 | 2;
  /** 1 or 2: a split panel is followed by another, which tells its values at other positions. */
  readonly sitting: number;
  readonly draw: Draw | undefined;
  /** Who may still be called in this round, in the order that was drawn. */
  readonly waiting: readonly PeerId[];
  /** Who was called in this round and was not there in time. */
  readonly absent: readonly PeerId[];
  /** Of this sitting. */
  readonly seated: readonly PeerId[];
  readonly votes: Readonly<Record<PeerId, Vote>>;
  /** Valid votes of the round's sittings before this one, and after it of all. */
  readonly counted: readonly CountedVote[];
  /** Of round 1, once it is over. */
  readonly finding: Finding | undefined;
  readonly outcome: TrialOutcome | undefined;
  /** The latest time that an event brought. */
  readonly at: number;
  readonly deadline: number;
  readonly jumps: number;
}

export interface Vote {
  readonly commitment: string;
  /** Commitments in the order of their arrival. */
  readonly order: number;
  readonly reveal?: Reveal | undefined;
  readonly fault?: PanelFault | undefined;
}

export interface CountedVote {
  readonly validator: PeerId;
  readonly verdict: Verdict;
  readonly commitment: string;
}

export type Finding = 'guilty' | 'innocent' | 'split';

/** What a validator did wrong. */
export type PanelFault = VoteFault | 'slept' | 'no-reveal' | 'missed-plant';

/** Each with the time at which it happened, in milliseconds since the epoch. */
export type TrialEvent = { readonly at: number } & (
  | { readonly type: 'tick' }
  /** The round of the beacon that follows what is to be drawn for. */
  | { readonly type: 'drawn'; readonly draw: Draw }
  | ({ readonly type: 'committed'; readonly validator: PeerId; readonly commitment: string } & Place)
  | { readonly type: 'revealed'; readonly reveal: Reveal }
  | { readonly type: 'unsealed'; readonly salt: Uint8Array; readonly truth: SealTruth }
  | { readonly type: 'appealed'; readonly by: PeerId; readonly appealedAt: number }
);

export interface Place {
  readonly round: 1 | 2;
  readonly sitting: number;
}

/** Why an event changed nothing. */
export type RefusalCode =
  | 'wrong-phase'
  | 'wrong-sitting'
  | 'not-on-panel'
  | 'duplicate'
  | 'no-commitment'
  | 'late-commitment'
  | 'late-reveal'
  | 'changed-mind'
  | 'bad-seal'
  | 'not-a-party'
  | 'clock-behind'
  | 'clock-jump';

export type TrialEffect =
  /** Ask the beacon for its first round after this time, and go on asking until it is there. */
  | { readonly type: 'draw'; readonly after: number }
  | ({ readonly type: 'seat'; readonly validators: readonly PeerId[] } & Place)
  | ({ readonly type: 'call-reveals'; readonly validators: readonly PeerId[] } & Place)
  | { readonly type: 'ask-seal'; readonly accuser: PeerId }
  | { readonly type: 'fault'; readonly validator: PeerId; readonly code: PanelFault }
  /** Routing sinks the worker at once; `restore` takes that back. */
  | { readonly type: 'derank' | 'restore'; readonly worker: PeerId }
  | { readonly type: 'dispute'; readonly worker: PeerId; readonly receiptHash: string; readonly evidence: Evidence }
  | { readonly type: 'mark-accuser'; readonly accuser: PeerId; readonly code: 'false-accusation' | 'overturned' }
  | { readonly type: 'refused'; readonly code: RefusalCode }
  | { readonly type: 'settled'; readonly outcome: TrialOutcome };

/** What a conviction rests on; the records that it names prove themselves. */
export interface Evidence {
  readonly audit: string;
  readonly votes: readonly CountedVote[];
}

export type Step = readonly [TrialState, readonly TrialEffect[]];

/** Votes that a round needs for either finding, and seats of its panels. */
export const quorumOf = { 1: 3, 2: 5 } as const;

/** As `Disputes` counts: guilty takes the round's quorum and more than twice as many as say innocent. */
export function findingOf(votes: readonly Pick<CountedVote, 'verdict'>[], round: 1 | 2): Finding {
  const guilty = votes.filter(({ verdict }) => verdict === 'guilty').length;
  const innocent = votes.filter(({ verdict }) => verdict === 'innocent').length;
  if (guilty >= quorumOf[round] && guilty > 2 * innocent) return 'guilty';
  return innocent >= quorumOf[1] && innocent > guilty ? 'innocent' : 'split';
}
