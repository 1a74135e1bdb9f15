import type { AbortOptions } from '#lib/base/abort.ts';
import type { outcomes, phases, verdicts } from '#contracts/words.ts';
import type { Address, Hex, Wallet } from './spec.ts';

/** Where a dispute stands, how it ended, and what a validator says of it. */
export type DisputePhase = Exclude<(typeof phases)[number], 'none'>;
export type DisputeOutcome = (typeof outcomes)[number];
export type Verdict = Exclude<(typeof verdicts)[number], 'none'>;

/** One dispute over one job. Amounts in the smallest unit of the bond's token, times in Unix seconds. */
export interface Dispute {
  readonly id: bigint;
  readonly challenger: Address;
  readonly provider: Address;
  /** SHA-256 of the job's receipt envelope. */
  readonly receiptHash: Hex;
  /** SHA-256 of what the provider answered; null where it has not. */
  readonly answerHash: Hex | null;
  readonly penalty: bigint;
  /** What the challenger put down, and what an appeal costs. */
  readonly counterBond: bigint;
  readonly phase: DisputePhase;
  readonly outcome: DisputeOutcome;
  readonly round: 1 | 2;
  /** Votes of the present round. */
  readonly innocent: number;
  readonly guilty: number;
  readonly openedAt: number;
  /** The last second of the present phase; an answer window that ran out counts as a vote that began when it did. */
  readonly endsAt: number;
}

export interface Accusation {
  readonly provider: Address;
  readonly receiptHash: Hex;
  /** Units to slash. */
  readonly penalty: bigint;
}

export interface Vote {
  readonly disputeId: bigint;
  readonly round: 1 | 2;
  readonly verdict: Verdict;
}

/** A vote signed by its validator, which anybody may hand in. */
export interface Ballot extends Vote {
  readonly validator: Address;
  readonly signature: Hex;
}

/** Which disputes a validator votes on: those opened from `since` on and before `until`. */
export interface ValidatorTerm {
  readonly since: number;
  /** Null: not struck off. */
  readonly until: number | null;
}

/**
 * The contract that decides disputes over bonds. Every call that sends takes the wallet it is sent from. Errors: the codes of
 * `contract-errors.ts` for the contract's own, of which nothing was changed, and those of `Chain`.
 */
export interface Court {
  /** @throws `dispute-missing`. */
  dispute(id: bigint, options?: AbortOptions): Promise<Dispute>;
  /** What may be asked for of this provider now, in units; a maximum of zero: nothing can be locked. */
  penaltyRange(
    provider: Address,
    options?: AbortOptions,
  ): Promise<{ readonly minimum: bigint; readonly maximum: bigint }>;
  /** The dispute that decided over a job; null: none has. */
  decidedBy(accused: Omit<Accusation, 'penalty'>, options?: AbortOptions): Promise<bigint | null>;
  /** Null for an account that was never registered. */
  validatorTerm(validator: Address, options?: AbortOptions): Promise<ValidatorTerm | null>;
  /** Units credited to `payee` and not yet collected. */
  owed(payee: Address, options?: AbortOptions): Promise<bigint>;
  /** Opens a dispute; the counter-bond is taken from the wallet's tokens. */
  open(wallet: Wallet, accusation: Accusation, options?: AbortOptions): Promise<Dispute>;
  answer(
    wallet: Wallet,
    answer: { readonly id: bigint; readonly answerHash: Hex },
    options?: AbortOptions,
  ): Promise<void>;
  signVote(validator: Wallet, vote: Vote, options?: AbortOptions): Promise<Ballot>;
  /** Hands in a ballot. */
  vote(sender: Wallet, ballot: Ballot, options?: AbortOptions): Promise<void>;
  /** Moves a dispute on whose window is over: to the appeal window, or to its end. */
  conclude(sender: Wallet, id: bigint, options?: AbortOptions): Promise<Dispute>;
  /** The provider's appeal against a guilty verdict; its bond is taken from the wallet's tokens. */
  appeal(wallet: Wallet, id: bigint, options?: AbortOptions): Promise<void>;
  /** Pays out all that `payee` is owed. @returns how much that was. */
  collect(sender: Wallet, payee: Address, options?: AbortOptions): Promise<bigint>;
}
