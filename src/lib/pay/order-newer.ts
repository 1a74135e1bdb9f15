import type { AbortOptions } from '#lib/base/abort.ts';
import { claimRefusal } from './claims.ts';
import { payError } from './errors.ts';
import type { Chain, ChannelId, Claim, SignedClaimOrder } from './spec.ts';
import { channelIdOf } from './terms.ts';

/**
 * Checks that an order may replace an existing one: an old order replayed by a third party must not displace the
 * provider's newest. Every claim that the existing order could still collect must be covered for at least as much; if
 * the new order adds nothing, it must be valid for longer. @throws `order-superseded`, `chain-unavailable`.
 */
export async function checkSupersedes(
  chain: Chain,
  former: SignedClaimOrder,
  next: SignedClaimOrder,
  options: AbortOptions,
): Promise<void> {
  const { timestamp: now } = await chain.head(options);
  const sender = former.order.providerSigner;
  const isOpen = async ({ channel: terms, cumulativeAmount: amount }: Claim) => {
    const state = await chain.channel(channelIdOf(terms), options);
    return claimRefusal({ terms, state, amount, sender, now }) === null;
  };
  const [before, after] = [amountsOf(former), amountsOf(next)];
  for (const claim of former.claims) {
    const isLess = (after.get(channelIdOf(claim.channel)) ?? 0n) < claim.cumulativeAmount;
    if (isLess && (await isOpen(claim))) throw payError('order-superseded');
  }
  for (const claim of next.claims) {
    const isMore = (before.get(channelIdOf(claim.channel)) ?? 0n) < claim.cumulativeAmount;
    if (isMore && (await isOpen(claim))) return;
  }
  if (next.order.validBefore <= former.order.validBefore) throw payError('order-superseded');
}

const amountsOf = ({ claims }: SignedClaimOrder): ReadonlyMap<ChannelId, bigint> =>
  new Map(claims.map(({ channel, cumulativeAmount }) => [channelIdOf(channel), cumulativeAmount]));
