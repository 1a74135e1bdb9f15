import type { AbortOptions } from '#lib/base/abort.ts';
import { claimRefusal } from './claims.ts';
import { payError } from './errors.ts';
import { batchGas, gasInUnits, type GasTerms } from './policy.ts';
import type { Chain, SignedClaimOrder } from './spec.ts';
import { channelIdOf } from './terms.ts';
import type { VoucherSigner } from './voucher.ts';

/** The provider's part of a claim at the largest share governance can set, in hundredths of a percent. */
const providerBpsMin = 8_000n;

/**
 * Checks that an order would pay for its gas if it were used now: a fee is never more than the provider's part of its
 * claim, and a claim that would be passed over pays none.
 * @throws `nothing-to-claim` when none would be credited, `order-unprofitable`, `chain-unavailable`.
 */
export async function checkWorth(
  { chain, vouchers }: { readonly chain: Chain; readonly vouchers: VoucherSigner },
  { order, claims }: SignedClaimOrder,
  rate: GasTerms['rate'],
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
    const part = ((amount - state.claimed) * providerBpsMin) / 10_000n;
    offered += part < order.feePerClaim ? part : order.feePerClaim;
  }
  if (accepted === 0) throw payError('nothing-to-claim');
  const gasUnits = batchGas.base + batchGas.channel * BigInt(claims.length);
  const required = gasInUnits(gasUnits, { gasPriceWei: await chain.gasPrice(options), rate });
  if (offered < required) throw payError('order-unprofitable', { details: { required, offered } });
}
