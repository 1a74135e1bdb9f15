import type { AbortOptions } from '#lib/base/abort.ts';
import { claimRefusal } from './claims.ts';
import { batchCost, providerPart, readGasTerms, type Rate } from './cost.ts';
import { payError } from './errors.ts';
import type { Chain, SignedClaimOrder } from './spec.ts';
import { channelIdOf } from './terms.ts';
import type { VoucherSigner } from './voucher.ts';

/**
 * Checks that an order would pay for its gas if used now. A fee never exceeds the provider's share of its claim, and a
 * skipped claim pays none. `checkClaimOrder` has already ruled out duplicate channels.
 * @throws `nothing-to-claim` if no claim would be credited, `order-unprofitable`, `chain-unavailable`.
 */
export async function checkProfitable(
  { chain, vouchers }: { readonly chain: Chain; readonly vouchers: VoucherSigner },
  { order, claims }: SignedClaimOrder,
  rate: Rate,
  options: AbortOptions,
): Promise<void> {
  const { timestamp: now } = await chain.head(options);
  let offered = 0n;
  let accepted = 0;
  for (const { channel: terms, cumulativeAmount: amount, signature } of claims) {
    const channelId = channelIdOf(terms);
    const state = await chain.channel(channelId, options);
    if (claimRefusal({ terms, state, amount, sender: order.providerSigner, now })) continue;
    if (!(await vouchers.verify(terms.payerSigner, { channelId, cumulativeAmount: amount, signature }))) continue;
    accepted++;
    const part = providerPart(amount - state.claimed);
    offered += part < order.feePerClaim ? part : order.feePerClaim;
  }
  if (accepted === 0) throw payError('nothing-to-claim');
  const required = batchCost(claims.length, await readGasTerms(chain, rate, options));
  if (offered < required) throw payError('order-unprofitable', { details: { required, offered } });
}
