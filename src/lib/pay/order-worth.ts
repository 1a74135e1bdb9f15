import type { AbortOptions } from '#lib/base/abort.ts';
import { claimRefusal } from './claims.ts';
import { channelsCall } from './chain/calls.ts';
import { chainLimits } from './chain/limits.ts';
import { batchCost, costOfGas, providerPart, readGasTerms, type Rate } from './cost.ts';
import { payError } from './errors.ts';
import type { Address, Chain, SignedClaimOrder } from './spec.ts';
import { channelIdOf } from './terms.ts';
import type { VoucherSigner } from './voucher.ts';

/**
 * Checks that an order would pay for its gas if used now, by the usual cost and by the node's estimate. A fee never exceeds the provider's share of its claim, and a
 * skipped claim pays none. `checkClaimOrder` has already ruled out duplicate channels.
 * @throws `contract-signer`, `nothing-to-claim` if no claim would be credited, `order-unprofitable`, `chain-unavailable`.
 */
export async function checkProfitable(
  { chain, vouchers, relay }: { readonly chain: Chain; readonly vouchers: VoucherSigner; readonly relay: Address },
  signed: SignedClaimOrder,
  rate: Rate,
  options: AbortOptions,
): Promise<void> {
  const { order, claims } = signed;
  await checkSigners(chain, signed, options);
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
  const args = [claims, order, signed.signature] as const;
  const call = channelsCall(chain.entry, { functionName: 'claimFor', args });
  const gas = await readGasTerms(chain, rate, options);
  // What it would take now, with the headroom that a transaction is given.
  const estimate = ((await chain.estimateGas(relay, call, options)) * gasPercent) / 100n;
  const [usual, actual] = [batchCost(claims.length, gas), costOfGas(estimate, claims.length, gas)];
  const required = usual > actual ? usual : actual;
  if (offered < required) throw payError('order-unprofitable', { details: { required, offered } });
}

const { gasPercent } = chainLimits;

/** Refuses signers that are contracts: their own code checks their signatures, and may burn what gas there is. */
async function checkSigners(chain: Chain, { order, claims }: SignedClaimOrder, options: AbortOptions): Promise<void> {
  const signers = new Set([order.providerSigner, ...claims.map(({ channel }) => channel.payerSigner)]);
  for (const signer of signers) {
    if (await chain.hasCode(signer, options)) throw payError('contract-signer', { details: { signer } });
  }
}
