import type { AbortOptions } from '#lib/base/abort.ts';
import { channelsCall } from '../chain/calls.ts';
import { screenClaims, type Skipped } from '../claims.ts';
import { payError } from '../errors.ts';
import type { Chain, ChainEvent, ChannelId, Claim, Mined, Wallet } from '../spec.ts';
import type { VoucherSigner } from '../voucher.ts';

export interface Claimed extends Mined {
  /** The channels that were credited, with their new totals. */
  readonly credited: readonly {
    readonly channelId: ChannelId;
    readonly claimed: bigint;
    readonly treasuryPart: bigint;
  }[];
  /** Those that were passed over, before sending or by the contract. */
  readonly skipped: readonly Skipped[];
}

/**
 * Credits vouchers, many in one transaction. A bad one is left out and reported; its neighbours go through. Safe to
 * repeat, and to run in two processes at once: what one has claimed is stale to the other.
 * @throws `batch-empty`, `batch-too-long`, `nothing-to-claim` with each channel's refusal, those of sending.
 */
export async function claim(
  { chain, vouchers }: { readonly chain: Chain; readonly vouchers: VoucherSigner },
  sender: Wallet,
  claims: readonly Claim[],
  options: AbortOptions = {},
): Promise<Claimed> {
  const { good, skipped } = await screenClaims({ chain, vouchers }, sender.address, claims, options);
  if (good.length === 0) throw payError('nothing-to-claim', { details: { skipped } });
  const mined = await chain.transact(
    sender,
    channelsCall(chain.entry, { functionName: 'claim', args: [good] }),
    options,
  );
  return readClaims(mined, skipped);
}

/** What became of each claim of a mined batch. */
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
