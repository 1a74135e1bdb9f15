import type { AbortOptions } from '#lib/base/abort.ts';
import { channelsCall } from '../chain/calls.ts';
import { screenClaims, withinGas, type Skipped } from '../claims.ts';
import { payError } from '../errors.ts';
import type { Chain, ChainEvent, ChannelId, Claim, Mined, Wallet } from '../spec.ts';
import type { VoucherSigner } from '../voucher.ts';

export interface Claimed extends Mined {
  /** Credited channels with their new totals. */
  readonly credited: readonly {
    readonly channelId: ChannelId;
    readonly claimed: bigint;
    readonly treasuryPart: bigint;
  }[];
  /** Claims skipped before sending or by the contract. */
  readonly skipped: readonly Skipped[];
}

/**
 * Claims many vouchers in one transaction. Bad ones are skipped and reported without affecting the rest, and those
 * that would burn gas are left for later. Safe to repeat
 * and to run in two processes at once: what one has claimed is stale for the other.
 * @throws `batch-empty`, `batch-too-long`, `nothing-to-claim` with each channel's refusal, and those of sending.
 */
export async function claim(
  { chain, vouchers }: { readonly chain: Chain; readonly vouchers: VoucherSigner },
  sender: Wallet,
  claims: readonly Claim[],
  options: AbortOptions = {},
): Promise<Claimed> {
  const { good, skipped } = await screenClaims({ chain, vouchers }, sender.address, claims, options);
  const callOf = (some: readonly Claim[]) => channelsCall(chain.entry, { functionName: 'claim', args: [some] });
  const sent = await withinGas(chain, sender.address, good, { ...options, callOf });
  if (sent.length === 0) throw payError('nothing-to-claim', { details: { skipped } });
  return readClaims(await chain.transact(sender, callOf(sent), options), skipped);
}

/** The outcome of each claim in a mined batch. */
export function readClaims(mined: Mined, skippedBefore: readonly Skipped[]): Claimed {
  const isClaimed = (event: ChainEvent) => event.type === 'claimed';
  const isSkipped = (event: ChainEvent) => event.type === 'claim-skipped';
  const skipped = mined.events.filter(isSkipped).map(({ channelId, refusal }) => ({ channelId, refusal }));
  return {
    ...mined,
    credited: mined.events
      .filter(isClaimed)
      .map(({ channelId, claimed, treasuryPart }) => ({ channelId, claimed, treasuryPart })),
    skipped: [...skippedBefore, ...skipped],
  };
}
