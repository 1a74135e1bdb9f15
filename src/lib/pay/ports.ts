import type { AbortOptions } from '#lib/base/abort.ts';
import type { Tier } from '#lib/protocol/job.ts';
import type { Payout } from '#lib/protocol/payment.ts';
import type { ChannelId, ChannelTerms, Hex, Voucher } from './spec.ts';

/** What a payment is for. */
export interface PaidJob {
  readonly id: string;
  readonly peer: string;
  readonly budget: bigint;
  /** Any but `open` is paid to a provider with a bond alone. */
  readonly tier: Tier;
}
/** The asker's side: pays for jobs out of channels. */
export interface Purse {
  /**
   * A channel to this payout with room for `budget` more units, opened or topped up within the owner's limits if need be.
   * @throws a `PayErrorCode`: before any work.
   */
  open(payout: Payout, job: PaidJob, options?: AbortOptions): Promise<Payment>;
  /** Left out where it makes no difference to its owner which channels there are. */
  readonly channels?: PurseChannels | undefined;
}
/** What a purse knows of its channels; but for `ready`, no call waits for anybody or throws. */
export interface PurseChannels {
  /** Resolves once the others know what is stored. @throws what keeps the purse from opening. */
  ready(): Promise<unknown>;
  /** Whether there is a channel to this account that has room for `budget` more units, one that is `short` of it, or none. */
  to(payout: Payout, budget: bigint): 'room' | 'short' | 'none';
  /** What the chain takes for a channel; undefined while it is not known: asking has it read, anew after ten minutes. */
  costs(chain: number): ChannelCosts | undefined;
}
/** What a channel costs its payer and its payee beside what is paid through it, in units. */
export interface ChannelCosts {
  /** From its opening until the rest is back. */
  readonly open: bigint;
  readonly topUp: bigint;
}
export interface Payment {
  readonly chain: number;
  readonly terms: ChannelTerms;
  readonly channelId: ChannelId;
  /**
   * Promises `total` units for the job in all: idempotent, never less than before, never above the budget; resolves once stored. A hub
   * promises less where it was paid less: then `promised()` says how much, and what is missing is to be asked for again.
   */
  promise(total: bigint): Promise<Voucher>;
  /** What this job has promised. */
  promised(): bigint;
  /**
   * Ends the job: its unspent budget is free for others. Where the worker did not finish it, the channel is `doubted`, and read from
   * the chain before it pays for another. Where it `refused` the payment, every channel is: what is known of the chain may be of a
   * chain that has gone back. Idempotent.
   */
  end(channel?: 'doubted' | 'refused'): void;
}
/** The worker's side. */
export interface Till {
  readonly payouts: readonly Payout[];
  /** Admits the channel, checks that it may be served (fresh state, exposure, deadline by the chain's clock). @throws a `PayErrorCode`. */
  open(
    payment: { readonly chain: number; readonly terms: unknown },
    job: { readonly id: string; readonly model?: string | undefined },
    options?: AbortOptions,
  ): Promise<Receivable>;
  /**
   * Agrees to close a channel now, at what its payer has promised: the payer's signed withdrawal shows that it is wanted. From then
   * on the channel pays for nothing more here. Idempotent. Left out where nobody can sign for the provider.
   * @throws `wrong-channel` for one that never paid here, `bad-signature`, and those of `Payee.agree`.
   */
  agree?(
    request: { readonly chain: number; readonly terms: unknown; readonly signature: string },
    options?: AbortOptions,
  ): Promise<Agreement>;
}
/** What a provider agrees to close a channel at, with its signature. */
export interface Agreement {
  readonly finalAmount: bigint;
  readonly signature: Hex;
  /** The payer's own signature for this amount, where it has not been claimed yet. */
  readonly voucher?: Hex | undefined;
}
export interface Receivable {
  readonly chain: number;
  readonly channelId: ChannelId;
  /** Stores the voucher, then credits the job. @returns the job's total that is paid. @throws a `PayErrorCode`; nothing is lost. */
  receive(payment: { readonly voucher: unknown; readonly total: bigint }): Promise<bigint>;
  /** The job's total that is paid by now. */
  received(): bigint;
  /** @throws the reason why no further chunk may be served now (withdrawal announced, stale view, exposure). Cheap: ≤ 0.05 ms at 2,000 channels. */
  checkMayServe(): void;
  end(): void;
}
